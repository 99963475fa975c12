/** The quick form of `npm run fuzz:process`: a few thousand inputs to one real peer, the same in every run. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTheatre, type Theatre } from '../theatre.ts'
import { fuzzProcess } from './run.ts'

const FRAMES = 2_000
const REQUESTS = 600

let theatre: Theatre
beforeAll(async () => {
  theatre = await openTheatre(1)
}, 120_000)
afterAll(() => theatre?.dispose())

test(
  'a peer takes mutated frames and requests: no exit, no stall, no healthy request refused',
  { timeout: 120_000 },
  async () => {
    const { frames, requests, windows, faults } = await fuzzProcess(theatre, {
      frames: FRAMES,
      requests: REQUESTS,
      seed: 20_260_101,
      lanes: 3,
      onWindow: () => undefined,
    })
    expect(faults).toEqual([])
    expect([frames.sent, requests.sent]).toEqual([FRAMES, REQUESTS])
    expect(windows.length).toBeGreaterThan(0)
    // Evidence that the inputs met what they were meant for.
    for (const met of [
      'greeting: malformed_handshake',
      'stranger: not_open',
      'stranger: malformed_frame',
      'member: borne',
      'member: malformed_frame',
    ])
      expect(frames.outcomes[met] ?? 0, met).toBeGreaterThan(0)
    for (const met of ['200', '201', '400', '404']) expect(requests.outcomes[met] ?? 0, met).toBeGreaterThan(0)
  },
)
