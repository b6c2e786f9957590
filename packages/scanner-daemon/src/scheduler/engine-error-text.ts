/** The engine error texts of clamd that we use (behaviour 1.10, 1.11), without the word ERROR. */
export const engineErrorText = {
  accessDenied: 'Access denied.',
  cantOpen: "Can't open file or directory",
  cantStat: "Can't get file status",
  cantRead: "Can't read file",
  cantCreateTemporaryFile: "Can't create temporary file",
  outOfMemory: "Can't allocate memory",
  timeLimit: 'Exceeded time limit',
  aborted: 'Process aborted',
  unspecified: 'Unspecified error',
} as const;
