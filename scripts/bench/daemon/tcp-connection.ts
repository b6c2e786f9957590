import { createConnection } from 'node:net';
import { describeFailure } from '../bench-error.js';
import { ReplyCollector } from './daemon-connection.js';
import type { Connect } from './daemon-connection.js';

/** Connects to the loopback address through node:net. */
export function createTcpConnect(port: number): Connect {
  return ({ onReply, onFailure }) => {
    let isClosed = false;
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    const replies = new ReplyCollector(onReply);
    const fail = (why: string) => {
      if (isClosed) return;
      isClosed = true;
      socket.destroy();
      onFailure(why);
    };
    socket.on('error', (error) => {
      fail(describeFailure(error));
    });
    socket.on('close', () => {
      fail('the daemon closed the connection');
    });
    socket.on('data', (bytes) => {
      replies.push(bytes);
    });
    return {
      send(parts) {
        socket.cork();
        for (const part of parts) socket.write(part);
        socket.uncork();
      },
      passFd: () => {
        fail('FILDES needs a Unix socket');
      },
      close() {
        isClosed = true;
        socket.destroy();
      },
    };
  };
}
