/** Text for a filter column or parameter. Postgres has no U+0000 and UTF-8 no lone surrogates; both sides replace them alike. */
export const columnText = (text: string): string => text.replace(/\p{Cs}|\0/gu, '\ufffd')
