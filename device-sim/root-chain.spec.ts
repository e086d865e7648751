import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { memoryFolder } from '../test/adversarial/memory-folder.js'
import { DeviceBench } from '../test/support/device-bench.js'
import { refusedBy } from '../test/support/refused.js'
import { nativeAlgorithms } from '../src/domain/cose/algorithms.js'
import type { Root } from '../src/domain/trust/root.js'
import { anchorState } from '../src/domain/trust/trust-state.js'
import { MAX_ROOT_WALK, walkRoots } from '../src/domain/trust/walk-root.js'

const LONGEST = 1_024
const DAY = 86_400

let bench: DeviceBench
/** Roots 2, 3 and so on, one more than is walked in one go; each is past its life, but for the last two. */
const chain: Uint8Array[] = []
beforeAll(async () => {
  bench = await DeviceBench.make({}, memoryFolder())
  const { trust } = bench.fixture
  let root: Root = trust.root
  for (let number = 1; number <= LONGEST + 1; number += 1) {
    const issued = trust.root.issued - (LONGEST + 1 - number) * 10 * DAY
    const expires = number < LONGEST ? issued + 5 * DAY : trust.root.expires
    const next = await trust.nextRoot({ issued, expires }, root)
    root = next.root
    chain.push(next.bytes)
  }
}, 120_000)
afterAll(() => bench.close())

/** A device with root 1 in its firmware, at a server that has the first `count` roots after it. */
const deviceBefore = async (count: number) => {
  chain.slice(0, count).forEach((bytes, index) => bench.server.roots.set(index + 2, bytes))
  const dir = await mkdtemp(join(bench.folder, 'device-'))
  return bench.enrolled({ dir, isFlushed: false, algorithms: nativeAlgorithms })
}

describe('a root chain', () => {
  it('of 1,024 documents is walked, one of 1,025 is not begun', () => {
    expect(MAX_ROOT_WALK).toBe(LONGEST)
    const anchor = anchorState(bench.fixture.trust.rootBytes, nativeAlgorithms)
    let saved = 0
    const save = (): void => void (saved += 1)
    const walked = walkRoots(anchor, chain.slice(0, LONGEST), nativeAlgorithms, save)
    expect([walked.root.version, saved]).toEqual([LONGEST + 1, LONGEST])
    expect(refusedBy(() => walkRoots(anchor, chain, nativeAlgorithms, save))).toEqual({
      code: 'ROOT_WALK_TOO_LONG',
      detail: { limit: LONGEST },
    })
    expect(saved).toBe(LONGEST)
  })

  it('of 1,024 documents brings a device from its embedded root to an update', async () => {
    const device = await deviceBefore(LONGEST)
    const freshness = { rootVersion: LONGEST + 1 }
    expect(await bench.offer(device, { freshness })).toMatchObject({ state: 'confirmed', sequence: 5 })
    expect(device.trustState.root.version).toBe(LONGEST + 1)
  }, 120_000)

  it('of 1,025 documents is refused, and finished by the next poll', async () => {
    const device = await deviceBefore(LONGEST + 1)
    const freshness = { rootVersion: LONGEST + 2 }
    expect(await bench.offer(device, { freshness })).toMatchObject({
      state: 'refused',
      code: 'FRESHNESS_ROOT',
      step: 9,
    })
    // What was taken stays taken, so nothing is out of reach for ever.
    expect(device.trustState.root.version).toBe(LONGEST + 1)
    expect(await bench.offer(device, { freshness })).toMatchObject({ state: 'confirmed', sequence: 5 })
    expect(device.trustState.root.version).toBe(LONGEST + 2)
  }, 120_000)

  it('of 1,024 documents is the longest also where an answer brings the first of them', async () => {
    const device = await deviceBefore(LONGEST + 1)
    const inAnswer = 32
    bench.server.answer = {
      ...(await bench.answer(device, { freshness: { rootVersion: LONGEST + 2 } })),
      roots: chain.slice(0, inAnswer),
    }
    expect(await device.pollOnce()).toMatchObject({ state: 'refused', code: 'FRESHNESS_ROOT' })
    expect(device.trustState.root.version).toBe(LONGEST + 1)
  }, 120_000)
})
