import { serveCommands } from '@portcullis/shared';
import { settleAs } from '../process/settle-as.js';
import { accountOfArguments, RUNNER_REFUSED } from './runner-account.js';

const account = accountOfArguments(process.argv.slice(2));
if (account !== undefined && !settleAs(account)) process.exit(RUNNER_REFUSED);
serveCommands();
