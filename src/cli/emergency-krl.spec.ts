import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { CliBench } from '../../test/support/cli-bench.js'
import { rootKeyOf } from '../../test/support/trust-fixture.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { keyIdHexOf } from '../domain/cose/cose-key.js'
import type { RootRole } from '../domain/trust/root.js'
import { takeKrl } from '../domain/trust/take-krl.js'
import { anchorState, type TrustState } from '../domain/trust/trust-state.js'
import { takeRoot } from '../domain/trust/walk-root.js'
import { createPersonKey, showPersonKey } from './person-key.js'

let bench: CliBench
let state: TrustState
const heldEntry = { keyId: 'ab'.repeat(32), reason: 3, time: 100 }
const krlKey = (): string => bench.trust.roleKey('krl').keyIdHex

beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
  const { trust } = bench
  // Root 2 lists an emergency key whose file is here.
  createPersonKey(bench.path('emergency.key'), 'emergency', passphrase(), { n: 1_024, r: 8, p: 1 })
  const { publicKey: key } = showPersonKey(bench.path('emergency.key'))
  const keyIdHex = keyIdHexOf(key)
  const roles = new Map(trust.root.roles).set('emergency-krl', { threshold: 1, keyIds: [keyIdHex] } as RootRole)
  const keys = new Map(trust.root.keys).set(keyIdHex, rootKeyOf({ key, keyIdHex, alg: -19 }, trust.now))
  const next = await trust.nextRoot({ roles, keys })
  const krl = await trust.signKrl(trust.krl({ number: 4, keys: [heldEntry] }))
  bench.offer({ roots: [trust.rootBytes, next.bytes], policy: trust.policyBytes, krl })
  bench.courier.on('POST /trust/krls', () => ({ number: 1_004 }))
  state = takeRoot(anchorState(trust.rootBytes, nativeAlgorithms), next.bytes, nativeAlgorithms)
  state = takeKrl(state, krl, trust.now, nativeAlgorithms)
})
afterEach(() => bench.close())

const passphrase = (): string => readFileSync(bench.path('passphrase'), 'utf8').split('\n')[0] ?? ''
const emergency = (keyId: string, ...more: string[]) =>
  bench.run('keys', 'emergency', keyId, '--reason', 'compromise', '--yes', ...more)
const withKey = (name: string): string[] => [
  '--key',
  bench.path(`${name}.key`),
  '--passphrase-file',
  bench.path('passphrase'),
]

it('revokes the key of the signer with a list that devices take, a thousand numbers ahead', async () => {
  const { exitCode, output } = await emergency(krlKey().slice(0, 12), ...withKey('emergency'))
  expect([exitCode, output.at(-1)]).toEqual([0, 'revocation list 1004 is published'])
  expect(output).toContain(`+ revokes key ${krlKey()} (krl): compromise`)
  const bytes = new Uint8Array(Buffer.from(bench.courier.posted('/trust/krls')[0]?.['krl'] ?? '', 'base64url'))
  const taken = takeKrl(state, bytes, bench.trust.now, nativeAlgorithms)
  expect(taken.krl?.number).toBe(1_004)
  expect([...(taken.krl?.keys.keys() ?? [])]).toEqual([heldEntry.keyId, krlKey()])
})

it('writes the list to a file without a word to the server, and pushes it from there', async () => {
  await bench.must('trust', 'update')
  const before = bench.courier.calls.length
  const file = bench.path('emergency.krl')
  expect((await emergency(krlKey(), '--out', file, ...withKey('emergency'))).exitCode).toBe(0)
  expect(bench.courier.calls.length).toBe(before)
  const taken = takeKrl(state, new Uint8Array(readFileSync(file)), bench.trust.now, nativeAlgorithms)
  expect(taken.krl?.keys.has(krlKey())).toBe(true)
  await bench.must('trust', 'push', '--krl', file)
  expect(bench.courier.posted('/trust/krls')[0]?.['krl']).toBe(readFileSync(file).toString('base64url'))
})

it('refuses another key than an emergency one, and to revoke one that no list may name', async () => {
  const stranger = await emergency(krlKey(), ...bench.keyOf('security-1'))
  expect(stranger.errors[0]).toMatch(/^refused: KEY_UNKNOWN \(keyId=[0-9a-f]{64} role=emergency-krl\)/)
  const root = bench.trust.rootKeys[0]?.keyIdHex ?? ''
  const forbidden = await emergency(root, ...withKey('emergency'))
  expect(forbidden.errors[0]).toBe(`refused: KRL_ENTRY_FORBIDDEN (keyId=${root})`)
  expect(bench.courier.posted('/trust/krls')).toEqual([])
})
