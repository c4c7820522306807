/** Durations, dates and numbers as Chinese people read them; always China time. */

/** `1小时05分`, `12分30秒`, `45秒`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const hours = Math.floor(s / 3600)
  const minutes = Math.floor((s % 3600) / 60)
  const rest = s % 60
  if (hours > 0) return `${hours}小时${String(minutes).padStart(2, '0')}分`
  if (minutes > 0) return rest > 0 ? `${minutes}分${String(rest).padStart(2, '0')}秒` : `${minutes}分钟`
  return `${rest}秒`
}

/** `07:05` or `1:07:05`, for players and clocks. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const hours = Math.floor(s / 3600)
  const tail = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`
  return hours > 0 ? `${hours}:${tail}` : tail
}

const ZONE = 'Asia/Shanghai'
const parts = (instant: string | number | Date) =>
  Object.fromEntries(
    new Intl.DateTimeFormat('zh-CN', {
      timeZone: ZONE,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
      .formatToParts(new Date(instant))
      .map((part) => [part.type, part.value]),
  )

/** `2026年3月2日`; takes an instant or a plain date such as `2026-03-02`. */
export function day(value: string): string {
  const plain = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value)
  if (plain) return `${plain[1]}年${Number(plain[2])}月${Number(plain[3])}日`
  const p = parts(value)
  return `${p.year}年${p.month}月${p.day}日`
}

/** `3月2日`. */
export const shortDay = (value: string): string => day(value).replace(/^\d+年/, '')

/** `2026年3月2日 09:05`. */
export function moment(instant: string): string {
  const p = parts(instant)
  return `${p.year}年${p.month}月${p.day}日 ${p.hour}:${p.minute}`
}

/** `09:05:07`. */
export function timeOfDay(instant: string | number): string {
  const p = parts(instant)
  return `${p.hour}:${p.minute}:${p.second}`
}

/** `3`, `2.5`: at most one decimal, none when it is whole. */
export function amount(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1).replace(/\.0$/, '')
}

/** `12.5 MB`. */
export function bytes(size: number): string {
  const units = ['字节', 'KB', 'MB', 'GB']
  let value = size
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : amount(Math.round(value * 10) / 10)} ${units[unit]}`
}

/** Share in whole percent, 0 to 100; never shows 100 before all is done. */
export function percent(part: number, whole: number): number {
  if (whole <= 0) return 0
  return Math.max(0, Math.min(100, Math.floor((part / whole) * 100)))
}

const LEVELS: Record<string, string> = { '5': '初级工', '4': '中级工', '3': '高级工', '2': '技师', '1': '高级技师' }
/** Name of a skill level; unknown ones stay as they are. */
export const levelName = (level: string): string => LEVELS[level] ?? level
