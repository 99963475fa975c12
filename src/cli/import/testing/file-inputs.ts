/** Files by their bytes and folders by what lies in them. */
import iconv from 'iconv-lite'
import { one, type Input } from './input.ts'

const bytes = (text: string, encoding: string, mark: readonly number[] = []): Uint8Array =>
  Buffer.concat([Buffer.from(mark), iconv.encode(text, encoding)])
const encoded = (
  what: string,
  text: string,
  encoding: string,
  as: string | null,
  mark: readonly number[] = [],
): Input =>
  one(what, 'n.md', bytes(text, encoding, mark), [{ content: text }], { says: as === null ? [] : [`read as ${as}`] })

export const fileInputs: readonly Input[] = [
  encoded('UTF-8', 'Grüße aus Köln 🌱', 'utf8', null),
  encoded('UTF-8 with its mark', 'Grüße', 'utf8', null, [0xef, 0xbb, 0xbf]),
  encoded('UTF-16, little end first, with its mark', 'Grüße aus Köln', 'utf-16le', 'UTF-16LE', [0xff, 0xfe]),
  encoded('UTF-16, big end first, with its mark', 'Grüße aus Köln', 'utf-16be', 'UTF-16BE', [0xfe, 0xff]),
  encoded('UTF-16 without a mark', 'Grüße aus Köln', 'utf-16le', 'UTF-16LE'),
  encoded('UTF-16, big end first, without a mark', 'Grüße aus Köln', 'utf-16be', 'UTF-16BE'),
  encoded('UTF-32 with its mark', 'Grüße', 'utf-32le', 'UTF-32LE', [0xff, 0xfe, 0, 0]),
  encoded('Latin-1', 'Grüße aus Köln, schöne Tage', 'latin1', 'windows-1252'),
  encoded('Latin-1, one letter', 'a naïve plan', 'latin1', 'ISO-8859-9'),
  encoded('Windows quotes', '“quoted” – and more', 'windows-1252', 'windows-1252'),
  encoded('Cyrillic of Windows', 'Привет, это обычный русский текст о базе данных.', 'windows-1251', 'windows-1251'),
  encoded('Cyrillic of KOI8-R', 'Привет, это обычный русский текст о базе данных.', 'koi8-r', 'KOI8-R'),
  encoded('Japanese of Shift_JIS', '日本語のテキストです。これは長い文です。', 'shift_jis', 'Shift_JIS'),
  encoded('Chinese of GB18030', '这是一个中文文本文件，内容很多。', 'gb18030', 'GB18030'),
  encoded('Korean of EUC-KR', '한국어 텍스트 파일입니다', 'euc-kr', 'EUC-KR'),
  one('an encoding that is named', 'n.md', bytes('Ελληνικά', 'iso-8859-7'), [{ content: 'Ελληνικά' }], {
    options: ['--encoding', 'iso-8859-7'],
  }),
  one('an encoding that cannot be told', 'n.md', bytes('Ελλ', 'iso-8859-7'), [], {
    says: ['name it with --encoding'],
    exit: 1,
  }),
  one('a NUL', 'n.md', 'a\0b', [], { says: ['holds a NUL byte (at 1)'], exit: 1 }),
  one('half a surrogate pair as UTF-8', 'n.md', Uint8Array.from([0x61, 0xed, 0xa0, 0x80]), [], {
    says: ['half a surrogate pair'],
    exit: 1,
  }),
  one('half a pair in UTF-16', 'n.md', Uint8Array.from([0xff, 0xfe, 0x00, 0xd8]), [], {
    says: ['UTF-16LE and is none'],
    exit: 1,
  }),
  one('UTF-8 with a damaged byte', 'n.md', Buffer.concat([Buffer.from('äöüß '), Buffer.from([0xff])]), [], {
    says: ['is UTF-8 but for a byte (the first at 9)'],
    exit: 1,
  }),
  one('a picture by a wrong name', 'n.md', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), [], {
    says: ['NUL byte'],
    exit: 1,
  }),
  one('CRLF', 'n.md', '# A\r\none\r\n\r\ntwo\r\n', [{ title: 'A', content: 'one\r\n\r\ntwo' }]),
  one('old line ends', 'n.md', '# A\rone', [{ title: 'A', content: 'one' }]),
  one('a mark inside the text', 'n.md', 'a \ufeff b', [{ content: 'a \ufeff b' }]),
  one('a heading in code', 'n.md', '```\n# not\n```\n', [{ content: '```\n# not\n```' }]),
  one('tags in the text', 'n.md', '---\ntags: [a]\n---\n#b and #c/d, no#e #1 #fff `#f`\n\n```\n#g\n```\n', [
    { tags: ['a', 'b', 'c/d'] },
  ]),
  one('a text file', 'log.txt', '# no heading\n  indented\n', [{ title: 'log', content: '# no heading\n  indented' }]),
  one('a file of MDX', 'n.mdx', 'import X from "x"\n\n# A\n\n<X />\n', [
    { title: 'n' },
    { title: 'A', content: '<X />' },
  ]),
  one('an empty file', 'n.md', '', [], { says: ['passed over: 1 empty file', 'nothing to import'], exit: 1 }),
  one('white space alone', 'n.md', ' \n\n', [], { says: ['empty file'], exit: 1 }),
  {
    what: 'other files beside notes',
    files: {
      'a.md': 'a',
      'p.png': 'x',
      'q.png': 'x',
      'r.js': 'x',
      '.claude/c.md': 'c',
      '.env': 'x',
      'node_modules/m/m.md': 'm',
    },
    came: [{ content: 'a' }],
    says: ['2 .png', '1 .js', '1 dot folder (.claude)', '1 dot file', '1 node_modules'],
  },
  {
    what: 'no note at all',
    files: { 'p.png': 'x', 'r.js': 'x' },
    came: [],
    says: ['nothing to import: no .md, .markdown, .mdx or .txt file in it (passed over: 1 .js, 1 .png)'],
    exit: 1,
  },
  {
    what: 'one good, one bad',
    files: { 'a.md': 'a', 'b.md': 'aaa\0' },
    came: [{ content: 'a' }],
    says: ['b.md: holds a NUL'],
    exit: 1,
  },
  {
    what: 'names of other scripts',
    files: { 'Größe.md': 'a', '日本.md': 'b', 'sub folder/c d.md': 'c' },
    came: [{ title: 'Größe' }, { title: '日本' }, { title: 'c d', source: 'sub folder/c d.md' }],
  },
]
