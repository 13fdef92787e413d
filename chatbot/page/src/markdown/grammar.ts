// How blocks begin, in a line without what it is quoted or indented by.

export const FENCE = /^(`{3,}|~{3,})([^`]*)$/;
export const HEADING = /^(#{1,6})(?:\s+(.*))?$/;
export const RULE = /^(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/;
export const ITEM = /^([-*+]|(\d{1,9})[.)])(?:(\s{1,4})|$)/;
export const TASK = /^\[([ xX])\]\s+/;
export const FORMULA = /^(\$\$|\\\[)(.*)$/;
// What the beginning of a line can still become, so that it is not drawn yet; without what quotes it.
export const UNDECIDED = /^(?:[-*_+\s]+|#{1,6}|\d{1,9}[.)]?|[-*+]\s+\[[ xX]?\]?|`+[^`]*|~+[^~]*|\$\$?|\\\[?|[|:\-\s]+)?$/;
export const MAY_CLOSE = /^\s*(?:`+|~+|\$|\\)\s*$/;
