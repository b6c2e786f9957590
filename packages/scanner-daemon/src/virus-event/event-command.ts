import { isUtf8 } from 'node:buffer';
import type { BoundedCommand, WireText } from '@portcullis/shared';

/** What `%f` becomes in clamd since names of files went through a shell (behaviour 2.9). */
const FILENAME_NOTICE =
  "The filename format character has been disabled due to security concerns, use the 'CLAM_VIRUSEVENT_FILENAME' environment variable instead.";

/** clamd passes PATH's value without `PATH=`, so that its commands run without one: a bug that is not copied. */
const COMMAND_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const SHELL = '/bin/sh';
const NAME_VARIABLE = 'CLAM_VIRUSEVENT_FILENAME';

/** A signature name of this length is somebody's joke; a path has at most 4,096 bytes. */
const NAME_MAX_CHARACTERS = 4096;

/**
 * Makes a name of bytes that Node cannot put into an environment, and becomes the shell that clamd would have started.
 * The `x` keeps a line end at the name's end, which `$()` would drop.
 */
const RAW_NAME_WRAPPER = `n=$(printf '%bx' "$1"); export ${NAME_VARIABLE}="\${n%x}"; exec ${SHELL} -c "$2"`;

/**
 * `sh -c COMMAND` with clamd's two variables (behaviour 2.9).
 *
 * @param command VirusEvent as in clamd.conf
 * @param detection.name of what was scanned; reaches the command byte for byte, and by the environment alone
 */
export function buildEventCommand(
  command: string,
  detection: { name: WireText; signatureName: string },
): BoundedCommand {
  const text = expandCommand(command, detection.signatureName);
  const environment = {
    PATH: COMMAND_PATH,
    CLAM_VIRUSEVENT_VIRUSNAME: withoutNul(detection.signatureName).slice(0, NAME_MAX_CHARACTERS),
  };
  const { name } = detection;
  if (typeof name !== 'string' && !isUtf8(name)) {
    const octal = [...withoutNulBytes(name)].map((byte) => `\\0${byte.toString(8)}`).join('');
    return { program: SHELL, args: ['-c', RAW_NAME_WRAPPER, SHELL, octal, text], environment };
  }
  return {
    program: SHELL,
    args: ['-c', text],
    environment: { ...environment, [NAME_VARIABLE]: withoutNul(name.toString()) },
  };
}

/**
 * `%v` and `%f` replaced. Signature names come from whoever wrote the database: in the command text, which a shell
 * reads, all but harmless characters become `_`, and so does a dash in front, which a program would take for an option.
 * The environment has the name as it is.
 */
function expandCommand(command: string, signatureName: string): string {
  const harmless = signatureName
    .slice(0, NAME_MAX_CHARACTERS)
    .replace(/[^A-Za-z0-9._:+@,-]/g, '_')
    .replace(/^-/, '_');
  return command.replace(/%[vf]/g, (word) => (word === '%v' ? harmless : FILENAME_NOTICE));
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}

function withoutNulBytes(name: Uint8Array): Uint8Array {
  return name.filter((byte) => byte !== 0).subarray(0, NAME_MAX_CHARACTERS);
}
