/** Instant help while an ID number is typed (GB 11643-1999); the server decides. */

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const CHECKS = '10X98765432'

/** Bring an ID number into its one form: no blanks, capital X. */
export const normalize = (text: string): string => text.replace(/\s/g, '').toUpperCase()

/** Say what is wrong with an ID number so far; empty while nothing is. */
export function idNumberHint(text: string): string {
  const value = normalize(text)
  if (value === '') return ''
  if (!/^\d{0,17}[\dX]?$/.test(value)) return '只能是数字，最后一位可以是 X'
  if (value.length < 18) return `还差 ${18 - value.length} 位`
  if (value.length > 18) return `多了 ${value.length - 18} 位`
  if (!isRealDate(value.slice(6, 14))) return '第7到14位不是正确的出生日期'
  return checkDigit(value) === value[17] ? '' : '校验位不对，请对照身份证逐位核对'
}

/** Tell whether an ID number is complete and its check digit right. */
export const isIdNumber = (text: string): boolean => normalize(text).length === 18 && idNumberHint(text) === ''

function checkDigit(value: string): string | undefined {
  const sum = WEIGHTS.reduce((total, weight, index) => total + weight * Number(value[index]), 0)
  return CHECKS[sum % 11]
}

function isRealDate(digits: string): boolean {
  const [year, month, day] = [digits.slice(0, 4), digits.slice(4, 6), digits.slice(6, 8)].map(Number) as [
    number,
    number,
    number,
  ]
  const date = new Date(Date.UTC(year, month - 1, day))
  return year > 1800 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

/** Say what is wrong with a mobile phone number; empty while nothing is. */
export function phoneHint(text: string): string {
  const value = text.replace(/\s/g, '')
  if (value === '') return ''
  if (!/^\d*$/.test(value)) return '手机号只能是数字'
  if (value[0] !== '1') return '手机号应以 1 开头'
  if (value.length < 11) return `还差 ${11 - value.length} 位`
  return value.length > 11 ? `多了 ${value.length - 11} 位` : ''
}
