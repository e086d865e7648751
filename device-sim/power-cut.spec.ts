import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../src/domain/bytes.js'
import { nativeAlgorithms } from '../src/domain/cose/algorithms.js'
import { encodeCopy } from './state-store.js'
import { DeviceBench } from '../test/support/device-bench.js'
import { confirmBoot, fallBack, runningImage } from './boot-record.js'
import { Faults, powerPoints, type PowerPoint } from './faults.js'
import type { SimulatedDevice } from './simulated-device.js'
import { Slots } from './slots.js'

/** Before these the new image cannot run yet; from then on only the new one is chosen. */
const oldRuns: readonly PowerPoint[] = ['update-accepted', 'payload-stored', 'slot-verified', 'before-switch']

describe('when the power fails', () => {
  let bench: DeviceBench
  beforeEach(async () => {
    bench = await DeviceBench.make()
  })
  afterEach(() => bench.close())

  /** Copies the device's folder at every point, and lets the update go on. */
  const snapshots = (dir: string): { faults: Faults; at: (point: PowerPoint) => string } => {
    const faults = new Faults()
    const at = (point: PowerPoint): string => join(bench.folder, `at-${point}`)
    faults.strike = (point) => cpSync(dir, at(point), { recursive: true })
    return { faults, at }
  }

  /** Switches a device on that has nobody to talk to, and reads what it runs from its medium. */
  const whatBoots = async (dir: string): Promise<{ device: SimulatedDevice; sequence: number; isWhole: boolean }> => {
    const device = bench.device({ dir, serverUrl: 'http://127.0.0.1:9' })
    await device.pollOnce()
    const image = runningImage(device.memory.boot)
    const found = await new Slots(dir).hash(device.memory.boot.active, 1_000_000)
    const isWhole = image !== null && found !== null && toHex(found) === toHex(image.imageSha256)
    return { device, sequence: device.runningSequence, isWhole }
  }

  const updatedOverSnapshots = async () => {
    const dir = join(bench.folder, 'device')
    const first = await bench.enrolled()
    await bench.offer(first)
    const { faults, at } = snapshots(dir)
    const device = bench.device({ faults })
    expect(await bench.offer(device, { sequence: 6 })).toMatchObject({ state: 'confirmed', sequence: 6 })
    return at
  }

  it('one whole slot boots, the old one or the new one, whichever moment it was', async () => {
    const at = await updatedOverSnapshots()
    for (const point of powerPoints) {
      const { device, sequence, isWhole } = await whatBoots(at(point))
      expect([point, sequence, isWhole]).toEqual([point, oldRuns.includes(point) ? 5 : 6, true])
      // Installed is what a confirmed boot proved, and never more.
      expect(device.trustState.installedSequence).toBe(sequence)
    }
  })

  it('a torn switch boots the old slot, wherever it is torn', async () => {
    const at = await updatedOverSnapshots()
    const folder = at('after-switch')
    const newest = newestBootFile(folder)
    const whole = readFileSync(newest)
    for (let cut = 0; cut < whole.length; cut += 1) {
      writeFileSync(newest, whole.subarray(0, cut))
      expect([cut, runningSequenceOf(folder)]).toEqual([cut, 5])
    }
    writeFileSync(newest, whole)
    expect(runningSequenceOf(folder)).toBe(6)
  })

  const runningSequenceOf = (dir: string): number => bench.device({ dir, algorithms: nativeAlgorithms }).runningSequence

  it('a new image that the medium damaged is not started', async () => {
    const at = await updatedOverSnapshots()
    writeFileSync(new Slots(at('after-switch')).path(0), new Uint8Array(40_000))
    const { device, sequence, isWhole } = await whatBoots(at('after-switch'))
    expect([sequence, isWhole]).toEqual([5, true])
    expect(device.trustState.installedSequence).toBe(5)
  })

  it('an image on trial does not count as installed, and a confirmed one never lowers the floor', async () => {
    const at = await updatedOverSnapshots()
    const { memory } = bench.device({ dir: at('trial-boot') })
    memory.raiseInstalled()
    expect(memory.trust.installedSequence).toBe(5)
    memory.saveBoot(confirmBoot(memory.boot))
    memory.raiseInstalled()
    expect(memory.trust.installedSequence).toBe(6)
    memory.saveBoot(fallBack(memory.boot))
    memory.raiseInstalled()
    expect(memory.trust.installedSequence).toBe(6)
  })

  /** The later of the two copies, by the generation in its head. */
  const newestBootFile = (folder: string): string => {
    const generation = (path: string): bigint =>
      existsSync(path) && statSync(path).size > 16 ? readFileSync(path).readBigUInt64BE(4) : 0n
    const [a, b] = [join(folder, 'boot-a'), join(folder, 'boot-b')]
    return generation(a) > generation(b) ? a : b
  }

  it.each(powerPoints)('at %s, the update is finished after the next boot', async (point) => {
    const device = await bench.enrolled({ faults: new Faults([], [point]), algorithms: nativeAlgorithms })
    expect(await bench.offer(device)).toMatchObject({ state: 'confirmed', sequence: 5 })
    expect(bench.server.reports.at(-1)).toMatchObject({ state: 'confirmed', runningSequence: 5 })
    expect(toHex(bench.server.reports.at(-1)?.runningImageSha256 ?? new Uint8Array(0))).toBe(
      toHex(sha256(new Uint8Array(40_000).fill(5))),
    )
  })

  it.each(['power-cut-before-switch', 'power-cut-after-switch'] as const)('by the fault %s likewise', async (name) => {
    const device = await bench.enrolled({ faults: new Faults([name]) })
    expect(await bench.offer(device)).toMatchObject({ state: 'confirmed', sequence: 5 })
  })

  it('does not fetch again what is stored already', async () => {
    const device = await bench.enrolled({ faults: new Faults(['power-cut-before-switch']) })
    await bench.offer(device)
    expect(bench.server.requests.filter(({ path }) => path.startsWith('payload/')).length).toBe(1)
  })

  it('again and again during the trial, the old image comes back and the failure is reported', async () => {
    const faults = new Faults()
    let left = 0
    faults.strike = (point) => {
      if (point !== 'before-confirm' || left === 0) return
      left -= 1
      new Faults([], [point]).strike(point)
    }
    const device = await bench.enrolled({ faults })
    await bench.offer(device)
    left = 3
    expect(await bench.offer(device, { sequence: 6 })).toMatchObject({
      state: 'reverted',
      code: 'HEALTH_GATE_FAILED',
      sequence: 5,
    })
  })

  it('no report number is used twice', async () => {
    for (const point of powerPoints) {
      const device = bench.device({ faults: new Faults([], [point]), algorithms: nativeAlgorithms })
      if (!device.isEnrolled) await device.enrol('claim')
      await bench.offer(device, { sequence: 10 + powerPoints.indexOf(point) })
    }
    const numbers = bench.server.reports.map(({ counter }) => counter)
    expect(numbers.length).toBeGreaterThan(powerPoints.length * 4)
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  })

  it('a copy with a forged generation is no copy', () => {
    const torn = encodeCopy(9, Uint8Array.of(1))
    torn[11] = 99
    const dir = join(bench.folder, 'forged')
    const blank = bench.device({ dir })
    writeFileSync(join(dir, 'boot-a'), torn)
    expect(bench.device({ dir }).memory.boot).toEqual(blank.memory.boot)
  })
})
