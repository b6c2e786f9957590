import { loadOnce } from './load-task.js';

await loadOnce();
