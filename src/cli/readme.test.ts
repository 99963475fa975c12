/** What the README and the pages of docs say to type is there: each verb, each option. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCli, succeeded } from './testing/run-cli.ts'

const ROOT = new URL('../../', import.meta.url)
const PAGES = [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const TEXT = PAGES.map((page) => readFileSync(new URL(page, ROOT), 'utf8')).join('\n')
/** In code blocks and in running text; a line that ends in a backslash goes on. */
const FOUND = [...TEXT.replaceAll('\\\n', ' ').matchAll(/npx mnemesh ([^`\n]+)/g)].map(([, words]) =>
  words!
    .replace(/"[^"]*"|'[^']*'/g, 'TEXT')
    .split('#')[0]!
    .trim()
    .split(/\s+/),
)
const COMMANDS = [...new Map(FOUND.map((words) => [words.join(' '), words])).values()]

const helpOf = async (words: readonly string[]): Promise<string> => {
  const { out } = succeeded(await runCli([words[0]!, '--help']))
  return out.includes('[command]') ? succeeded(await runCli([...words.slice(0, 2), '--help'])).out : out
}

test.each(COMMANDS.filter(([verb]) => !verb!.startsWith('<')).map((words) => [words.join(' '), words] as const))(
  'mnemesh %s',
  async (_line, words) => {
    const help = await helpOf(words)
    expect(help).toMatch(/^Usage: mnemesh [a-z]/)
    for (const word of words)
      if (word.startsWith('-')) expect(help, word).toMatch(new RegExp(`^  (--[a-z-]+, )?${word}[ ,]`, 'm'))
  },
)

test('the pages show a good part of the command line', () => {
  expect(new Set(COMMANDS.map(([verb]) => verb)).size).toBeGreaterThan(6)
})
