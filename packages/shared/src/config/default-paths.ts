/** Where distributions put clamd.conf, in the order in which it is looked for. */
export const CLAMD_CONF_PATHS: readonly string[] = [
  '/etc/clamav/clamd.conf', // Debian, Ubuntu, Alpine
  '/etc/clamd.d/scan.conf', // Fedora, RHEL
  '/etc/clamd.conf', // openSUSE
  '/usr/local/etc/clamd.conf', // built from source
];
