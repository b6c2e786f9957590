import { serveCommands } from '@portcullis/shared';
import { accountOfArguments, RUNNER_REFUSED, settleAs } from './runner-account.js';

const account = accountOfArguments(process.argv.slice(2));
if (account !== undefined && !settleAs(account)) process.exit(RUNNER_REFUSED);
serveCommands();
