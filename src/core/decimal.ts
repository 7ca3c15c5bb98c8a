/** A decimal number as JSON spells it, of any size: `digits` × 10^`exponent`, without zeros at either end of the digits. */
interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/;
/** Longer ones are left as they are: a few characters can stand for millions of digits. */
const MOST_DIGITS = 400;

function decimalOf(text: string): Decimal | undefined {
  const [, sign, whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const digits = (whole + fraction).replace(/^0+/, "");
  const short = withoutTrailingZeros(digits);
  if (short === "") return { negative: false, digits: "", exponent: 0 };
  return {
    negative: sign === "-",
    digits: short,
    exponent: Number(exponent) - fraction.length + digits.length - short.length,
  };
}

/** A pattern would begin anew at each zero. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
}

/** Whether two spellings stand for the same number, to the last digit. */
export function isSameNumber(one: string, other: string): boolean {
  const [a, b] = [decimalOf(one), decimalOf(other)];
  return a !== undefined && b !== undefined && isEqual(a, b);
}

const isEqual = (a: Decimal, b: Decimal): boolean =>
  a.negative === b.negative && a.exponent === b.exponent && a.digits === b.digits;

/** The number without point and exponent where it is a whole one, to the last digit; else as it is spelled. */
export function plainNumber(text: string): string {
  const decimal = decimalOf(text);
  if (!decimal || decimal.exponent < 0 || decimal.digits.length + decimal.exponent > MOST_DIGITS) return text;
  if (decimal.digits === "") return "0";
  return `${decimal.negative ? "-" : ""}${decimal.digits}${"0".repeat(decimal.exponent)}`;
}
