import { readFileSync } from 'node:fs';

/** The parts of Jest's --json report that are read here. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** Prints what failed and what was skipped, and ends with the one line that counts. */
function summarize(reportPath: string | undefined): void {
  if (reportPath === undefined) throw new Error('usage: summarize REPORT');
  let report: JestReport;
  try {
    report = JSON.parse(readFileSync(reportPath, 'utf8')) as JestReport; // written by Jest a moment ago
  } catch {
    process.stdout.write('the test runner ended without a report\ntests: 0 passed, 1 failed, 0 skipped\n');
    process.exit(1);
  }
  for (const file of report.testResults) {
    if (file.status === 'failed') process.stdout.write(`FAILED ${file.name}\n${file.message}\n`);
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'pending') process.stdout.write(`skipped: ${fullName}\n`);
    }
  }
  // A file that could not even be loaded has no failed test in it, and is a failure all the same.
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  const skipped = report.numPendingTests + report.numTodoTests;
  process.stdout.write(`tests: ${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
  process.exit(failed > 0 || report.numPassedTests === 0 ? 1 : 0);
}

summarize(process.argv[2]);
