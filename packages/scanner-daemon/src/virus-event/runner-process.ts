import { serveEvents } from './serve-events.js';

serveEvents();
