/** Text without what identifies people. */
export type Redactor = (text: string) => string

// Every repetition is bounded (RFC 5321 and 1035 say by what), so that no text takes more than linear time.
const EMAIL = /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu
// Country, check digits, then 11 to 30 letters and digits, in one piece or in groups (ISO 13616).
const IBAN = /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b/g
// 13 to 19 digits in one piece or in groups (ISO/IEC 7812); no card number starts with the 00 of a telephone number.
const CARD = /(?<![\d.+])(?!00)\d(?:[ -]?\d){12,18}(?![\d])/g
// Seven to fifteen digits (ITU-T E.164) with the separators that people write between them.
const PHONE = /(?<![\w.])(?:\+|00)?\(?\d{1,4}\)?(?: ?\(0\))?(?:[ ./-]?\(?\d{2,5}\)?){1,5}(?!\w)/g
const DATE =
  /^(?:(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])([-./])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:19|20)\d\d|\d\d))(?!\d)/

/**
 * Masks e-mail addresses, numbers that look like IBANs or payment cards, and telephone numbers. Patterns find forms, not meanings: names and
 * street addresses stay, and a long order number may be taken for a telephone number.
 */
export const redactPatterns: Redactor = (text) =>
  text
    .replace(EMAIL, '[email]')
    .replace(IBAN, '[iban]')
    .replace(CARD, '[card]')
    .replace(PHONE, (found) => (isPhone(found) ? '[phone]' : found))

function isPhone(text: string): boolean {
  const digits = text.replace(/\D/g, '').length
  return digits >= 7 && digits <= 15 && !DATE.test(text)
}
