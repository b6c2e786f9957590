import { boolRow, numberRow, stringRow } from './option-row.js';

/** Rows of behaviour 3.4, in its order: process, database, bytecode, PUA, heuristics and data-loss prevention. */
export const PROCESS_OPTIONS = [
  boolRow('Foreground', false, 'do not daemonise (clamonacc only looks at its own -F)', {
    longName: 'foreground',
  }),
  boolRow('Debug', false, 'libclamav debug output on stderr and log level 2'),
  boolRow('LeaveTemporaryFiles', false, 'keep temp files'),
  boolRow('GenerateMetadataJson', false, 'collect JSON metadata during scans'),
  boolRow('JsonStoreHTMLURIs', true, 'store HTML URIs in the JSON', { since: '1.5' }),
  boolRow('JsonStorePDFURIs', true, 'store PDF URIs in the JSON', { since: '1.5' }),
  boolRow('JsonStoreExtraHashes', false, 'store MD5/SHA1 too in the JSON', { since: '1.5' }),
  stringRow('User', undefined, 'account to switch to when started as root'),
  boolRow('FIPSCryptoHashLimits', false, 'forbid MD5/SHA1 for trust decisions', { since: '1.5' }),
  boolRow('Bytecode', true, 'load bytecode signatures', { longName: 'bytecode' }),
  stringRow(
    'BytecodeSecurity',
    'TrustSigned',
    'TrustSigned or Paranoid (regex is case-insensitive but the later compare is exact, so any other case passes the parser and then fails start-up)',
    { values: ['TrustSigned', 'Paranoid'] },
  ),
  numberRow('BytecodeTimeout', 10000, 'bytecode run limit in ms', {
    unit: 'milliseconds',
    longName: 'bytecode-timeout',
  }),
  boolRow('BytecodeUnsigned', false, 'allow unsigned bytecode', { longName: 'bytecode-unsigned' }),
  stringRow('BytecodeMode', 'Auto', 'Auto, ForceJIT, ForceInterpreter or Test', {
    values: ['Auto', 'ForceJIT', 'ForceInterpreter', 'Test'],
    longName: 'bytecode-mode',
  }),
  boolRow('DetectPUA', false, 'load PUA signatures', { longName: 'detect-pua' }),
  stringRow('ExcludePUA', undefined, 'PUA category to drop (exclusive with IncludePUA)', {
    multi: true,
    longName: 'exclude-pua',
  }),
  stringRow('IncludePUA', undefined, 'only these PUA categories (exclusive with ExcludePUA)', {
    multi: true,
    longName: 'include-pua',
  }),
  boolRow('ScanPE', true, 'parse PE files', { longName: 'scan-pe' }),
  boolRow('ScanELF', true, 'parse ELF files', { longName: 'scan-elf' }),
  boolRow('ScanMail', true, 'parse mail files', { longName: 'scan-mail' }),
  boolRow('ScanPartialMessages', false, 'reassemble RFC1341 partial mails'),
  boolRow('PhishingSignatures', true, 'load phishing signatures', { longName: 'phishing-sigs' }),
  boolRow('PhishingScanURLs', true, 'heuristic URL phishing checks', { longName: 'phishing-scan-urls' }),
  boolRow('HeuristicAlerts', true, 'allow Heuristics.* detections', { longName: 'heuristic-alerts' }),
  boolRow('HeuristicScanPrecedence', false, 'stop at the first heuristic hit', {
    longName: 'heuristic-scan-precedence',
  }),
  boolRow('StructuredDataDetection', false, 'data-loss-prevention module', { longName: 'detect-structured' }),
  numberRow('StructuredMinCreditCardCount', 3, 'DLP card threshold', { longName: 'structured-cc-count' }),
  numberRow('StructuredMinSSNCount', 3, 'DLP SSN threshold', { longName: 'structured-ssn-count' }),
  boolRow('StructuredSSNFormatNormal', true, 'look for xxx-yy-zzzz'),
  boolRow('StructuredSSNFormatStripped', false, 'look for xxxyyzzzz'),
] as const;
