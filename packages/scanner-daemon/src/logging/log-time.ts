const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** ctime(3) without its line end: `Sat Nov 21 20:44:46 2026`, local time, the day padded with a space. */
export function ctime(date: Date): string {
  return `${DAYS[date.getDay()] ?? ''} ${monthDayTime(date)} ${date.getFullYear()}`;
}

/** The time of a syslog message (RFC 3164, 4.1.2): `Nov  1 20:44:46`, local time. */
export function monthDayTime(date: Date): string {
  const day = String(date.getDate()).padStart(2, ' ');
  return `${MONTHS[date.getMonth()] ?? ''} ${day} ${clockTime(date).join(':')}`;
}

/** What a rotated log is named by: `20261101_204446`, local time. */
export function fileNameTime(date: Date): string {
  const day = `${date.getFullYear()}${twoDigits(date.getMonth() + 1)}${twoDigits(date.getDate())}`;
  return `${day}_${clockTime(date).join('')}`;
}

function clockTime(date: Date): string[] {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
