#!/usr/bin/env node
'use strict';
// CommonJS, because a module is loaded with libuv's pool, whose size is fixed by its first use. With Node's 4 threads,
// four paths on a share that hangs would keep every path scan and every large upload waiting.
process.env.UV_THREADPOOL_SIZE ??= '16';
void import('../dist/src/main.js');
