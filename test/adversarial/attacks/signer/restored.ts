import { rmSync, writeFileSync } from 'node:fs'
import { without, type SignerAttack } from '../../signer-attack.js'
import type { SignerScene } from '../../signer-scene.js'

const MARK = without('src/signer/start-signer.ts', '!journal.reachesMark || ', '')
const HOST = without(
  'src/domain/signer-journal/host-continuity.ts',
  'entry.isRestored || !equalBytes(entry.hostSha256, this.acceptedHost)',
  'entry.isRestored',
)
const suspended = { step: 25, code: 'SIGNER_SUSPENDED' } as const
const checkIn = (file: string) => without(`src/signer/${file}.ts`, 'atCheck(25, () => requireNotSuspended(signer))')

/** A copy of the state from before release 1 is put back. */
const turnedBack = (scene: SignerScene): Promise<void> => scene.restore('release', () => scene.signRelease())

const carriedAway = (scene: SignerScene, name: 'release' | 'online'): Promise<void> =>
  scene.restart(name, (folder) => writeFileSync(`${folder}.host`, 'another host\n'))

/** Check 25: the signer on state that is older than what it signed, or a copy of it. */
export const restoredAttacks: readonly SignerAttack[] = [
  {
    name: 'sequence-signed-twice-on-older-state',
    threat: 'row 3',
    does: 'puts a copy of the state back and spends sequence, grant and rate a second time',
    run: async (scene) => {
      await turnedBack(scene)
      return scene.sign()
    },
    expected: suspended,
    guard: MARK,
  },
  {
    name: 'state-on-another-host',
    threat: 'row 3',
    does: 'starts a second signer on a copy of the state, on a host of the thief',
    run: async (scene) => {
      await carriedAway(scene, 'release')
      return scene.sign()
    },
    expected: suspended,
    guard: HOST,
  },
  {
    name: 'state-without-its-mark',
    threat: 'row 3',
    does: 'takes the mark beside the state away, so that an older journal has nothing to fall short of',
    run: async (scene) => {
      await scene.restart('release', (folder) => rmSync(`${folder}.mark`))
      return scene.sign()
    },
    expected: suspended,
    guard: without('src/signer/start-signer.ts', ' || (reached === null && journal.head.index > 0)', ''),
  },
  {
    name: 'release-while-suspended',
    threat: 'row 3',
    does: 'asks a suspended signer for a release',
    run: async (scene) => {
      await carriedAway(scene, 'release')
      return scene.sign()
    },
    expected: suspended,
    guard: checkIn('release/sign-checks'),
  },
  {
    name: 're-signature-while-suspended',
    threat: 'row 3',
    does: 'asks a suspended signer for a signature over what it signed before',
    run: async (scene) => {
      const was = await scene.signRelease()
      await carriedAway(scene, 'release')
      return scene.reSign(was)
    },
    expected: suspended,
    unguarded: { step: 9, code: 'KEY_NOT_NEWER' },
    guard: checkIn('release/re-sign-checks'),
  },
  {
    name: 'krl-while-suspended',
    threat: 'row 3; row 7',
    does: 'has a KRL signed that forgets what the restored state forgot',
    run: async (scene) => {
      await carriedAway(scene, 'release')
      return scene.krl({})
    },
    expected: suspended,
    guard: checkIn('release/krl-checks'),
  },
  {
    name: 'assignment-while-suspended',
    threat: 'row 3',
    does: 'spends the pace of a rollout again on restored state',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      await carriedAway(scene, 'online')
      return scene.assign({ digest })
    },
    expected: suspended,
    guard: without('src/signer/online/sign-assignment.ts', 'atCheck(25, () => requireNotSuspended(context.state))'),
  },
  {
    name: 'freshness-while-suspended',
    threat: 'row 8',
    does: 'has the KRL of the restored state called the newest',
    run: async (scene) => {
      await carriedAway(scene, 'online')
      return scene.freshness()
    },
    expected: suspended,
    guard: without('src/signer/online/sign-freshness.ts', 'atCheck(25, () => requireNotSuspended(context.state))'),
  },
  {
    name: 'resume-by-one-person',
    threat: 'row 4',
    does: 'ends the suspension with one of two keys of security',
    run: async (scene) => {
      await turnedBack(scene)
      return scene.resume('release', { approvers: ['security-1'] })
    },
    expected: { step: 12, code: 'QUORUM_NOT_MET' },
    guard: without(
      'src/domain/trust/check-approvals.ts',
      'if (!isQuorumMet(parseQuorum(expression), roles))',
      'if (false)',
    ),
  },
  {
    name: 'resume-of-an-earlier-suspension',
    threat: 'row 3',
    does: 'keeps the order that ended one suspension for the next',
    run: async (scene) => {
      await turnedBack(scene)
      return scene.resume('release', { order: { suspensionId: new Uint8Array(16) } })
    },
    expected: { step: 25, code: 'ORDER_MISMATCH' },
    guard: without(
      'src/signer/follow-order.ts',
      'if (suspensionId === null || !equalBytes(suspensionId, order.suspensionId))',
      'if (false)',
    ),
  },
  {
    name: 'resume-without-the-newest-krl',
    threat: 'row 7',
    does: 'ends the suspension while the KRL that people know of is withheld',
    run: async (scene) => {
      await turnedBack(scene)
      return scene.resume('release', { order: { leastKrlNumber: 2 } })
    },
    expected: { step: 10, code: 'KRL_OLD' },
    guard: without('src/signer/follow-order.ts', 'if (offered < order.leastKrlNumber)', 'if (false)'),
  },
  {
    name: 'approvals-from-before-the-resume',
    threat: 'row 3',
    does: 'spends approvals a second time that the restored state does not know as spent',
    run: async (scene) => {
      await turnedBack(scene)
      await scene.must(scene.resume('release'))
      return scene.sign({ sequence: 2 })
    },
    expected: { step: 12, code: 'APPROVAL_VOID' },
    guard: without('src/domain/trust/check-approvals.ts', 'if (approval.notBefore < voidBefore)', 'if (false)'),
  },
  {
    name: 'sequence-below-the-resume',
    threat: 'row 3',
    does: 'asks for the sequence that the restored state forgot and people named',
    run: async (scene) => {
      await turnedBack(scene)
      await scene.must(scene.resume('release'))
      return scene.sign({ approval: { notBefore: scene.now } })
    },
    expected: { step: 9, code: 'SEQUENCE_OVERTAKEN' },
    guard: without('src/signer/release/release-ledger.ts', "if (entry.kind === 'resume')", 'if (false)'),
  },
]
