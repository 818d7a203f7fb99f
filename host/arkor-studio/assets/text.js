// Text of guests and projects as the page shows it.

// What a page would act on instead of showing it: controls, and all that changes direction, joins or is not
// seen. The same as on a terminal (arkor_types::acts), but for tabs and line breaks.
const ACTS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;

/// A text with what acts written as `\u{1b}`. All that is shown goes through it.
export const visible = (text) => String(text)
  .replace(ACTS, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
