import { serveScans } from './scan-task.js';

serveScans();
