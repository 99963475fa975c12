/** Which language a memory is taken for: prose for its own, also between English and code; what is no prose for none. */
import { expect, test } from 'vitest'
import { createRandom } from '../testing/random.ts'
import { languageOf } from './languages.ts'
import { BY_LANGUAGE } from './testing/languages.ts'

const OF = {
  German: 'german',
  French: 'french',
  Spanish: 'spanish',
  Italian: 'italian',
  Portuguese: 'portuguese',
  Dutch: 'dutch',
  Finnish: 'finnish',
  Russian: 'russian',
  Turkish: 'turkish',
  Polish: 'other',
}
const BETWEEN = [
  'The deploy key rotates every night',
  'npm run build && node dist/main.js',
  'src/feed.ts handles cursor and retry',
  'We decided to use Postgres with pgvector',
  'kubectl get pods -n staging',
]

test.each(Object.entries(OF))(
  '%s notes, each followed by a line of English or code, are %s',
  async (name, language) => {
    const content = BY_LANGUAGE[name]!.slice(0, 5)
      .flatMap(([, memory], i) => [memory, BETWEEN[i]])
      .join('\n')
    expect(await languageOf({ title: null, content })).toBe(language)
  },
)

test('English is none, and so are words without a language, however many', async () => {
  expect(
    await languageOf({
      title: null,
      content: 'We decided that the nightly build runs on Node 20, and not on the version that was used before.',
    }),
  ).toBeNull()
  const random = createRandom(7)
  for (let n = 0; n < 20; n++) {
    const content = Array.from({ length: 70 }, () =>
      Array.from(random.bytes(8), (byte) => 'etaoinshrdlucmfwypvbgkjqxz'[byte % 26]).join(''),
    ).join(' ')
    expect(await languageOf({ title: null, content }), content).toBeNull()
  }
})
