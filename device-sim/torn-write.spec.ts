import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { memoryFolder } from '../test/adversarial/memory-folder.js'
import { DeviceBench, type AnswerChange } from '../test/support/device-bench.js'
import { makeSoftKeys } from '../test/support/soft-key.js'
import { CLASS_ID } from '../test/support/trust-fixture.js'
import { toHex } from '../src/domain/bytes.js'
import { nativeAlgorithms } from '../src/domain/cose/algorithms.js'
import { decodeTrustState, floorOf, type TrustState } from '../src/domain/trust/trust-state.js'
import { DeviceMemory } from './device-memory.js'
import { parseDeviceRecord } from './device-record.js'
import type { SimulatedDevice } from './simulated-device.js'
import { StateStore } from './state-store.js'

const DAY = 86_400
const klass = toHex(CLASS_ID)

/** One write of the second update: the device's folder before it, and the one file that it changed. */
interface Write {
  readonly store: 'trust' | 'record' | 'boot'
  readonly folder: string
  readonly file: string
  readonly written: Buffer
  readonly before: Uint8Array
  readonly after: Uint8Array
}

let bench: DeviceBench
let second: AnswerChange
const writes: Write[] = []
beforeAll(async () => {
  bench = await DeviceBench.make({ root: { floors: new Map([[klass, 2]]) } }, memoryFolder())
  const { trust } = bench.fixture
  const leavers = makeSoftKeys(20).map(({ keyIdHex }, index) => ({
    keyId: keyIdHex,
    reason: index % 7,
    time: trust.now,
  }))
  const manifests = makeSoftKeys(5).map(({ keyIdHex }) => ({ digest: keyIdHex, reason: 1 }))
  const first = {
    number: 7,
    keys: leavers.slice(0, 15),
    manifests: manifests.slice(0, 3),
    floors: new Map([[klass, 3]]),
  }
  const device = bench.device(deviceOptions('device'))
  await device.enrol('claim')
  expect(await bench.offer(device, { krl: first })).toMatchObject({ state: 'confirmed', sequence: 5 })

  // Everything goes up at once: root and its floors, KRL, revocations and their floors, the time, what is installed.
  const next = await trust.nextRoot({ floors: new Map([[klass, 4]]), issued: trust.now - DAY })
  bench.server.roots.set(2, next.bytes)
  second = {
    sequence: 6,
    krl: {
      number: 8,
      issued: trust.now - 5,
      keys: leavers,
      manifests,
      floors: new Map([[klass, 5]]),
      leastRootVersion: 2,
    },
    freshness: { rootVersion: 2, krlNumber: 8, time: trust.now - 1 },
  }
  recordWrites(device)
  expect(await bench.offer(device, second)).toMatchObject({ state: 'confirmed', sequence: 6 })
  jest.restoreAllMocks()
}, 60_000)
afterAll(() => bench.close())

const deviceOptions = (name: string) => ({
  dir: join(bench.folder, name),
  isFlushed: false,
  algorithms: nativeAlgorithms,
})

/** Copies the folder before each write of the device, and notes what the write did. */
function recordWrites(device: SimulatedDevice): void {
  const dir = join(bench.folder, 'device')
  const names = { trust: 'saveTrust', record: 'saveRecord', boot: 'saveBoot' } as const
  for (const store of ['trust', 'record', 'boot'] as const) {
    const real = DeviceMemory.prototype[names[store]] as (value: unknown) => void
    jest.spyOn(DeviceMemory.prototype, names[store]).mockImplementation(function (this: DeviceMemory, value: unknown) {
      const folder = join(bench.folder, `before-${writes.length}`)
      cpSync(dir, folder, { recursive: true })
      real.call(this, value)
      const changed = [`${store}-a`, `${store}-b`].filter((file) => !isSame(join(dir, file), join(folder, file)))
      const [file = ''] = changed
      expect(changed).toEqual([file])
      const found = (path: string): Uint8Array => StateStore.open(join(path, store)).found ?? new Uint8Array(0)
      writes.push({
        store,
        folder,
        file,
        written: readFileSync(join(dir, file)),
        before: found(folder),
        after: found(dir),
      })
    })
  }
  expect(device.trustState.krl?.keys.size).toBe(15)
}

const isSame = (one: string, other: string): boolean =>
  existsSync(one) && existsSync(other) && readFileSync(one).equals(readFileSync(other))

/** What a medium may hold when a write of a file stopped after `cut` bytes. */
const tornForms: readonly (readonly [name: string, tear: (write: Write, cut: number) => Uint8Array])[] = [
  ['a shorter file', ({ written }, cut) => written.subarray(0, cut)],
  [
    'a file whose end are zeros',
    ({ written }, cut) => Buffer.concat([written.subarray(0, cut), Buffer.alloc(written.length - cut)]),
  ],
  [
    'a file whose end is that of the write before',
    ({ folder, file, written }, cut) => {
      const former = existsSync(join(folder, file)) ? readFileSync(join(folder, file)) : Buffer.alloc(0)
      return Buffer.concat([written.subarray(0, cut), former.subarray(cut)])
    },
  ],
]

describe('a power cut at any byte of any write of an update', () => {
  const writesOf = (store: Write['store']): Write[] => writes.filter((write) => write.store === store)

  it('is tried over the writes of a real device, to all that it holds', () => {
    // Root; KRL; freshness and time; what is installed.
    expect(writesOf('trust').length).toBeGreaterThanOrEqual(4)
    expect(writesOf('record').length).toBeGreaterThanOrEqual(4)
    expect(writesOf('boot').length).toBeGreaterThanOrEqual(2)
  })

  it.each(tornForms)(
    'leaves the old value, whole: %s',
    (_, tear) => {
      for (const write of writes) {
        const [path, file] = [join(write.folder, write.store), join(write.folder, write.file)]
        const former = existsSync(file) ? readFileSync(file) : null
        for (let cut = 0; cut <= write.written.length; cut += 1) {
          const torn = tear(write, cut)
          writeFileSync(file, torn)
          const found = Buffer.from(StateStore.open(path).found ?? new Uint8Array(0))
          // The new value is there from the moment when all of it is, and not a byte before.
          const expected = write.written.equals(torn) ? write.after : write.before
          if (!found.equals(expected)) throw new Error(`${write.file} of ${write.folder}, cut at byte ${cut}`)
        }
        if (former === null) rmSync(file)
        else writeFileSync(file, former)
      }
    },
    120_000,
  )

  it('never lowers a floor or takes back a revocation', () => {
    const states = writesOf('trust').map(({ before, after }) => [decodeTrustState(before), decodeTrustState(after)])
    for (const [old, young] of states as [TrustState, TrustState][]) {
      const [low, high] = [heightsOf(old), heightsOf(young)]
      expect(high.every((height, index) => height >= (low[index] ?? 0))).toBe(true)
      expect(revokedIn(young)).toEqual(expect.arrayContaining(revokedIn(old)))
    }
    const ends = [states[0]?.[0], states.at(-1)?.[1]] as [TrustState, TrustState]
    expect(ends.map((state) => heightsOf(state).slice(0, 4))).toEqual([
      [1, 7, 3, 5],
      [2, 8, 5, 6],
    ])
  })

  it('never sets back the number of a report', () => {
    const numberOf = (bytes: Uint8Array): number => parseDeviceRecord(bytes).counter
    const records = writesOf('record').map(({ before, after }) => [numberOf(before), numberOf(after)])
    expect(records.every(([before = 0, after = 0]) => after >= before)).toBe(true)
    expect(records.filter(([before, after]) => before !== after).length).toBeGreaterThan(2)
  })

  const revokedIn = ({ krl }: TrustState): string[] => [...(krl?.keys.keys() ?? []), ...(krl?.manifests.keys() ?? [])]

  /** Root version, KRL number, floor, installed sequence, time. */
  const heightsOf = (state: TrustState): number[] => [
    state.root.version,
    state.krl?.number ?? 0,
    floorOf(state, klass),
    state.installedSequence,
    state.latestSeconds,
  ]

  it('is survived by the device: it comes up with the value of before, and finishes the update', async () => {
    for (const [index, write] of writes.entries()) {
      const cut = Math.floor((write.written.length * (index + 1)) / (writes.length + 1))
      const name = `torn-${index}`
      cpSync(write.folder, join(bench.folder, name), { recursive: true })
      writeFileSync(join(bench.folder, name, write.file), write.written.subarray(0, cut))
      const device = bench.device(deviceOptions(name))
      if (write.store === 'trust') expect(device.trustState).toEqual(decodeTrustState(write.before))
      await bench.offer(device, second)
      expect([index, device.runningSequence, device.trustState.installedSequence]).toEqual([index, 6, 6])
      expect(device.trustState.krl?.keys.size).toBe(20)
    }
  }, 60_000)
})
