/** What `--version` and the logs say. */
export const PRODUCT_NAME = 'Portcullis';
export const PRODUCT_VERSION = '0.1.0';

/** The ClamAV whose behaviour is mirrored: what VERSION answers, since clients parse it. */
export const MIRRORED_CLAMAV_VERSION = '1.4.6';

/** What the command line of the daemon's process that holds libclamav ends with: the client knows it by that, and by its parent. */
export const LIBCLAMAV_HOST_SCRIPT = 'libclamav-host/host-process.js';
