import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { makeP256Key, makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { ED25519, ESP256, nativeAlgorithms } from '../cose/algorithms.js'
import { encodeSign, makeOneSignature } from '../cose/sign.js'
import { buildSign1 } from '../cose/sign1.js'
import {
  encodeCounterEpoch,
  isLaterReport,
  openCounterEpoch,
  type CounterEpoch,
  type DeviceSigner,
} from './counter-epoch.js'
import { encodeKeyChange, openKeyChange, type KeyChange } from './key-change.js'
import { labelOf, type DocumentKind } from './labels.js'

const key = makeSoftKey()
const next = makeP256Key()
const stranger = makeSoftKey()
const deviceId = key.keyIdHex
const device: DeviceSigner = {
  namespace: 'gateway/prod',
  deviceId,
  key: key.key,
  allowed: [ED25519, ESP256],
  algorithms: nativeAlgorithms,
}
const nonce = new Uint8Array(32).fill(7)
const mismatch = (field: string): object => ({ code: 'DEVICE_MISMATCH', detail: { field } })

describe('a counter epoch', () => {
  const epoch = (change: Partial<CounterEpoch> = {}, signer = key, label: DocumentKind = 'counter-epoch') =>
    buildSign1(
      signer,
      encodeCounterEpoch({ namespace: 'gateway/prod', deviceId, nonce, epoch: 2, ...change }),
      labelOf(label),
    )

  it('is read back as the device signed it', async () => {
    expect(openCounterEpoch(await epoch(), device)).toEqual({ namespace: 'gateway/prod', deviceId, nonce, epoch: 2 })
  })
  it.each([
    ['by a stranger', () => epoch({}, stranger), mismatch('keyId')],
    ['about another device', () => epoch({ deviceId: stranger.keyIdHex }), mismatch('deviceId')],
    [
      'of another namespace',
      () => epoch({ namespace: 'gateway/dev' }),
      { code: 'WRONG_NAMESPACE', detail: { expected: 'gateway/prod', found: 'gateway/dev' } },
    ],
    [
      'signed as a report',
      () => epoch({}, key, 'report'),
      { code: 'SIGNATURE_INVALID', detail: { keyId: key.keyIdHex } },
    ],
    [
      'with half a nonce',
      () => epoch({ nonce: nonce.subarray(16) }),
      { code: 'DOCUMENT_MALFORMED', detail: { document: 'counter-epoch', field: '4', why: 'not 32 bytes' } },
    ],
  ])('%s is refused', async (_, make, expected) => {
    const bytes = await make()
    expect(refusedBy(() => openCounterEpoch(bytes, device))).toEqual(expected)
  })
  it('in an algorithm that the root does not allow is refused', async () => {
    const bytes = await epoch()
    expect(refusedBy(() => openCounterEpoch(bytes, { ...device, allowed: [ESP256] }))).toEqual({
      code: 'ALGORITHM_NOT_ALLOWED',
      detail: { alg: ED25519 },
    })
  })
})

describe('a change of keys', () => {
  async function change(
    signers: readonly SoftKey[],
    content: Partial<KeyChange> = {},
    label: DocumentKind = 'key-change',
  ): Promise<Uint8Array> {
    const payload = encodeKeyChange({ namespace: 'gateway/prod', deviceId, nonce, key: next.key, ...content })
    return encodeSign(payload, await Promise.all(signers.map((one) => makeOneSignature(one, payload, labelOf(label)))))
  }

  it('is taken when both keys signed it, in either order', async () => {
    for (const signers of [
      [key, next],
      [next, key],
    ])
      expect(openKeyChange(await change(signers), device).key).toEqual(next.key)
  })
  it('that was made already needs the one key that both of them are', async () => {
    const changed = { ...device, key: next.key }
    expect(openKeyChange(await change([key, next]), changed).key).toEqual(next.key)
    const unsigned = await change([key])
    expect(refusedBy(() => openKeyChange(unsigned, changed))).toEqual({
      code: 'SIGNATURE_MISSING',
      detail: { role: 'device' },
    })
  })
  it.each([
    ['without the old key', () => change([next]), { code: 'SIGNATURE_MISSING', detail: { role: 'device' } }],
    [
      'without the new key',
      () => change([key, stranger]),
      { code: 'SIGNATURE_MISSING', detail: { role: 'next device key' } },
    ],
    [
      'signed by a third besides',
      () => change([key, next, stranger]),
      { code: 'COSE_MALFORMED', detail: { why: 'more than two signatures' } },
    ],
    [
      'signed twice by the old key',
      () => change([key, key]),
      { code: 'SIGNATURE_DUPLICATE', detail: { keyId: key.keyIdHex } },
    ],
    [
      'with the name of the new key over a stranger’s signature',
      () => change([key, { ...stranger, keyId: next.keyId, alg: next.alg }]),
      { code: 'SIGNATURE_INVALID', detail: { keyId: next.keyIdHex } },
    ],
    ['about another device', () => change([key, next], { deviceId: stranger.keyIdHex }), mismatch('deviceId')],
    [
      'of another namespace',
      () => change([key, next], { namespace: 'gateway/dev' }),
      { code: 'WRONG_NAMESPACE', detail: { expected: 'gateway/prod', found: 'gateway/dev' } },
    ],
    [
      'signed as something else',
      () => change([key, next], {}, 'root'),
      { code: 'SIGNATURE_INVALID', detail: { keyId: key.keyIdHex } },
    ],
  ])('%s is refused', async (_, make, expected) => {
    const bytes = await make()
    expect(refusedBy(() => openKeyChange(bytes, device))).toEqual(expected)
  })
  it('to a key whose algorithm the root does not allow is refused', async () => {
    const bytes = await change([key, next])
    expect(refusedBy(() => openKeyChange(bytes, { ...device, allowed: [ED25519] }))).toEqual({
      code: 'ALGORITHM_NOT_ALLOWED',
      detail: { alg: ESP256 },
    })
  })
})

it('reports come in the order of their epochs, then of their counters', () => {
  const held = { epoch: 2, counter: 5 }
  const later = [
    { epoch: 3, counter: 1 },
    { epoch: 2, counter: 6 },
    { epoch: 2, counter: 5 },
    { epoch: 1, counter: 9 },
  ]
  expect(later.map((one) => isLaterReport(one, held))).toEqual([true, true, false, false])
})
