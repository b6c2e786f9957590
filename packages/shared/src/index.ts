// The public door of what both programs share. An explicit list.
export { AppError } from './errors/app-error.js';
export { assertNever } from './errors/assert-never.js';
export { messageOf } from './errors/message-of.js';
export { strerror } from './errors/strerror.js';
export type { BoundedCommand } from './commands/bounded-command.js';
export { CommandQueue, describeFailure } from './commands/command-queue.js';
export type { CommandQueueLimits } from './commands/command-queue.js';
export { CommandRunner } from './commands/command-runner.js';
export type { ReportedEnd } from './commands/command-runner.js';
export { serveCommands } from './commands/serve-commands.js';
export { createLogger } from './logging/create-logger.js';
export type { Logger, LoggerOptions } from './logging/create-logger.js';
export { sanitize } from './logging/sanitize.js';
export type {
  DetectedSample,
  EncryptedContainer,
  IncompleteReason,
  LimitReason,
  ScanVerdict,
} from './verdict.js';
export { checkDaemonConfig, checkOnAccessConfig } from './config/cross-checks.js';
export { describeConfig } from './config/describe-config.js';
export {
  CONFIG_MESSAGES,
  cleanControlCharacters,
  formatConfigIssue,
  issuesUpToFirstError,
} from './config/config-issue.js';
export { parseBool } from './config/parse-value.js';
export type { ConfigIssue } from './config/config-issue.js';
export type { EnvTable, EnvValues } from './config/env-table.js';
export { describeEnv, resolveEnv } from './config/resolve-env.js';
export { changedOptions } from './config/changed-options.js';
export type { OptionName } from './config/option-table.js';
export { readConfigFile } from './config/read-config-file.js';
export { addEnvironmentFile } from './config/environment-file.js';
export type { Environment } from './config/environment-file.js';
export { readClamdConfig } from './config/read-clamd-config.js';
export { LONG_OPTIONS, readGivenOption } from './config/given-option.js';
export type { GivenSettings } from './config/settings.js';
export type { ClamdConfig } from './config/resolve.js';
export { COMMAND_VERBS, allowedInSession, terminatorOf } from './protocol/command.js';
export type { Command, CommandVerb, Terminator } from './protocol/command.js';
export { CommandDecoder } from './protocol/command-decoder.js';
export type { DecodedCommand } from './protocol/command-decoder.js';
export { InstreamDecoder } from './protocol/instream-framing.js';
export type { Reply, ReplyFrame, WireText } from './protocol/reply.js';
export {
  encodeBareError,
  encodeBareWord,
  encodeDetection,
  encodePathMessage,
  encodePathWord,
} from './protocol/reply-encoder.js';
export {
  FILDES_NOTICE_BYTE,
  encodeChunkHeader,
  encodeCommand,
  encodePathCommand,
  encodeStreamEnd,
} from './protocol/command-encoder.js';
export {
  incompleteText,
  LIMIT_OPTIONS,
  limitOfIncompleteText,
  limitOfOption,
} from './protocol/incomplete-reply.js';
export type { ScanLimit } from './protocol/incomplete-reply.js';
export { ReplyDecoder } from './protocol/reply-decoder.js';
export type { DecodedReply } from './protocol/reply-decoder.js';
export { CLAMD_CONF_PATHS } from './config/default-paths.js';
export { LIBCLAMAV_HOST_SCRIPT, MIRRORED_CLAMAV_VERSION, PRODUCT_NAME, PRODUCT_VERSION } from './product.js';
