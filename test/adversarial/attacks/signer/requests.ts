import { encodeCbor } from '../../../../src/domain/cbor/encode.js'
import { cborMap, type CborValue } from '../../../../src/domain/cbor/value.js'
import { without, type SignerAttack } from '../../signer-attack.js'

const frameOf = (body: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(4 + body.length)
  new DataView(frame.buffer).setUint32(0, body.length)
  frame.set(body, 4)
  return frame
}
const request = (members: Readonly<Record<string, CborValue>>): Uint8Array =>
  encodeCbor(
    cborMap([
      ['id', 1],
      ['request', cborMap(Object.entries(members))],
    ]),
  )

/** Checks 1 and 2: what may be asked at all, and in which namespace. */
export const requestAttacks: readonly SignerAttack[] = [
  {
    name: 'oversized-frame',
    threat: 'row 17; row 3',
    does: 'sends a request of more than 4 MiB, for the signer to hold in memory',
    run: (scene) => scene.send('release', frameOf(request({ operation: 'status', more: new Uint8Array(4_194_304) }))),
    expected: { step: 1, code: 'FRAME_TOO_LARGE' },
    unguarded: { step: 1, code: 'CBOR_TOO_LARGE' },
    guard: without('src/protocol/signer-socket-frames.ts', 'if (length > MAX_FRAME_BYTES)', 'if (false)'),
  },
  {
    name: 'request-in-another-spelling',
    threat: 'row 17',
    does: 'writes the id of a request in two bytes where one is enough',
    run: (scene) => {
      const body = request({ operation: 'freshness', nonce: null })
      // a2 62 "id" 01 …: the 1 becomes 18 01.
      const spelled = Uint8Array.of(...body.subarray(0, 4), 0x18, ...body.subarray(4))
      return scene.send('online', frameOf(spelled))
    },
    expected: { step: 1, code: 'CBOR_NOT_CANONICAL' },
    guard: without(
      'src/domain/cbor/decode.ts',
      "if (value < (leastArguments[info - 24] ?? 0)) throw notCanonical(start, 'integer not in its shortest form')",
    ),
  },
  {
    name: 'dictated-krl-number',
    threat: 'row 3; row 7',
    does: 'tells the online signer which KRL a freshness statement is to name',
    run: (scene) => scene.send('online', frameOf(request({ operation: 'freshness', nonce: null, krlNumber: 0 }))),
    expected: { step: 1, code: 'FRAME_MALFORMED' },
    guard: without(
      'src/protocol/signer-socket-request.ts',
      "if (name !== 'operation' && !reader.members.includes(name)) throw malformed(String(name))",
      ';',
    ),
  },
  {
    name: 'device-under-another-spelling',
    threat: 'row 3',
    does: 'asks for one device under two spellings of its id',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      return scene.assign({ digest, asked: { deviceId: 'AB'.repeat(32) } })
    },
    expected: { step: 1, code: 'FRAME_MALFORMED' },
    guard: without('src/protocol/signer-socket-request.ts', 'if (!/^[0-9a-f]{64}$/.test(id))', 'if (false)'),
  },
  {
    name: 'release-of-another-namespace',
    threat: 'row 13',
    does: 'starts a signer for another namespace on the root and the token of this one',
    run: async (scene) => {
      await scene.freshReleaseSigner({ SIGNER_NAMESPACE: 'gateway/dev' })
      await scene.hash(1)
      const krl = await scene.trust.signKrl(scene.trust.krl(), scene.trust.emergencyKey)
      await scene.must(scene.bring({ krl }))
      return scene.sign()
    },
    expected: { step: 2, code: 'WRONG_NAMESPACE' },
    guard: without(
      'src/signer/release/sign-checks.ts',
      'atCheck(2, () => requireNamespace(context.namespace, state.root.namespace))',
    ),
  },
  {
    name: 'krl-for-another-namespace',
    threat: 'row 13',
    does: 'has a KRL signed that names another namespace',
    run: (scene) => scene.krl({ namespace: 'gateway/dev' }),
    expected: { step: 2, code: 'WRONG_NAMESPACE' },
    unguarded: { step: 9, code: 'WRONG_NAMESPACE' },
    guard: without(
      'src/signer/release/krl-checks.ts',
      'atCheck(2, () => requireNamespace(context.namespace, krl.namespace))',
    ),
  },
  {
    name: 'plan-of-another-namespace',
    threat: 'row 13',
    does: 'assigns under a plan that was written for another namespace',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      return scene.assign({ digest, plan: { namespace: 'gateway/dev' } })
    },
    expected: { step: 2, code: 'WRONG_NAMESPACE' },
    guard: without(
      'src/signer/online/sign-assignment.ts',
      'atCheck(2, () => requireNamespace(context.namespace, plan.namespace))',
    ),
  },
]
