export { startProgram } from './child-program.js';
export type { ChildProgram, LogLine } from './child-program.js';
export { freePort } from './free-port.js';
