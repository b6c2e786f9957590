/** What `--version` and the logs say. */
export const PRODUCT_NAME = 'Portcullis';
export const PRODUCT_VERSION = '0.1.0';

/** The ClamAV whose behaviour is mirrored: what VERSION answers, since clients parse it. */
export const MIRRORED_CLAMAV_VERSION = '1.4.6';
