import { sha256, toHex, utf8 } from '../../../../src/domain/bytes.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import { race } from '../../signer-verdict.js'

const SPENT = 'atCheck(16, () => requireUnspent(request.requestId, ledger.isSpent(request.requestId)))'
const SECURITY = ['security-1', 'security-2']

/** The checks and the record of check 16 are one step; with a pause between them both see what was before. */
const PAUSE = without(
  'src/signer/release/sign-release.ts',
  'return signGranted(checkSignRequest(request, context, algorithms), request, context)',
  'const grant = checkSignRequest(request, context, algorithms)\n  await new Promise((resolve) => setTimeout(resolve, 50))\n  return signGranted(grant, request, context)',
)

/** Checks 16 to 18: one grant, one sequence, one signature. */
export const onceAttacks: readonly SignerAttack[] = [
  {
    name: 'grant-spent-twice',
    threat: 'row 3',
    does: 'has a second release signed for one request of one engineer',
    run: async (scene) => {
      const { requestId } = await scene.signRelease(1)
      return scene.sign({ sequence: 2, requestId })
    },
    expected: { step: 16, code: 'REQUEST_SPENT' },
    guard: without('src/signer/release/sign-checks.ts', SPENT),
  },
  {
    name: 'krl-grant-spent-twice',
    threat: 'row 7',
    does: 'has a second KRL signed for one request',
    run: async (scene) => {
      await scene.releaseSigner()
      await scene.must(scene.krl({}, SECURITY, { requestId: 'one-grant' }))
      return scene.krl({}, SECURITY, { requestId: 'one-grant' })
    },
    expected: { step: 16, code: 'REQUEST_SPENT' },
    guard: without('src/signer/release/krl-checks.ts', SPENT),
  },
  {
    name: 're-sign-grant-spent-twice',
    threat: 'row 3',
    does: 'has two releases signed again for one request',
    run: async (scene) => {
      const [one, two] = [await scene.signRelease(1), await scene.signRelease(2)]
      const roots = [await scene.rootWith('manifest-a', 'freshness', { notBefore: scene.now - 60 })]
      await scene.must(scene.bring({ roots }))
      await scene.must(scene.reSign(one))
      return scene.reSign(two)
    },
    expected: { step: 16, code: 'REQUEST_SPENT' },
    guard: without(
      'src/signer/release/re-sign-checks.ts',
      'atCheck(16, () => requireUnspent(requestId, ledger.isSpent(requestId)))',
    ),
  },
  {
    name: 'race-for-one-grant',
    threat: 'row 3',
    does: 'sends two releases for one request at the same moment',
    run: async (scene) => {
      await scene.releaseSigner()
      return race(1, [
        scene.sign({ sequence: 1, requestId: 'one-grant' }),
        scene.sign({ sequence: 2, requestId: 'one-grant' }),
      ])
    },
    expected: { step: 16, code: 'REQUEST_SPENT' },
    guard: PAUSE,
  },
  {
    name: 'race-for-one-sequence',
    threat: 'row 3; row 10',
    does: 'sends two releases of one sequence at the same moment',
    run: async (scene) => {
      await scene.releaseSigner()
      return race(1, [scene.sign({ requestId: 'one' }), scene.sign({ requestId: 'two' })])
    },
    expected: { step: 9, code: 'SEQUENCE_OVERTAKEN' },
    guard: PAUSE,
  },
  {
    name: 'token-that-signs-something-else',
    threat: 'row 16',
    does: 'has the token of a tampered host sign other bytes than it is given',
    run: async (scene) => {
      scene.fixture.wrapToken = (token) => ({
        keys: () => token.keys(),
        close: () => token.close(),
        sign: (keyId, algorithm, message) =>
          token.sign(keyId, algorithm, keyId === scene.keyOf('manifest-a') ? utf8(toHex(sha256(message))) : message),
      })
      return scene.sign()
    },
    expected: { step: 18, code: 'SIGNATURE_INVALID' },
    guard: without(
      'src/signer/checked-signer.ts',
      'await atCheckAsync(18, async () => check(nativeAlgorithms, key, { alg: key.alg, keyId, signature }, message))',
    ),
  },
]
