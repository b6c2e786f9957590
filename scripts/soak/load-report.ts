/** What one load process has seen. */
export interface LoadReport {
  operations: number;
  /** Opens of an infected file that were refused: all of them should be. */
  refusedInfected: number;
  admittedInfected: number;
  /** Operations on clean files that were refused. */
  refusedClean: number;
  /** Anything else that went wrong. */
  failed: number;
  /** The longest operation, milliseconds: above OnAccessCurlTimeout somebody was left waiting. */
  slowestMs: number;
}

/** @throws SyntaxError for what is not JSON: the process died */
export function parseLoadReport(text: string): LoadReport {
  return JSON.parse(text) as LoadReport; // our own program's output
}

/** The sum of several; the slowest of all. */
export function addReports(reports: readonly LoadReport[]): LoadReport {
  const sum = (pick: (report: LoadReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  return {
    operations: sum(({ operations }) => operations),
    refusedInfected: sum(({ refusedInfected }) => refusedInfected),
    admittedInfected: sum(({ admittedInfected }) => admittedInfected),
    refusedClean: sum(({ refusedClean }) => refusedClean),
    failed: sum(({ failed }) => failed),
    slowestMs: Math.max(...reports.map(({ slowestMs }) => slowestMs)),
  };
}
