import { without, type SignerAttack } from '../../signer-attack.js'

const ORDER = 'src/signer/follow-order.ts'
const DAY = 86_400

/** Checks 4 and 25: the time, and state that is not what the signer left. */
export const clockAttacks: readonly SignerAttack[] = [
  {
    name: 'clock-set-back',
    threat: 'row 3; row 11',
    does: 'sets the clock of the host back, to have an expired approval and an expired key live again',
    run: async (scene) => {
      await scene.releaseSigner()
      scene.pass(-1)
      return scene.sign()
    },
    expected: { step: 4, code: 'CLOCK_BEHIND' },
    guard: without('src/signer/checks/clock.check.ts', 'if (now < seen.lastSeen)', 'if (false)'),
  },
  {
    name: 'clock-set-ahead',
    threat: 'row 3; row 12',
    does: 'sets the clock two hours ahead, into the change window and past the rate',
    run: async (scene) => {
      await scene.releaseSigner()
      scene.pass(7_200)
      scene.fixture.uptime.jumpSeconds = 7_200
      return scene.sign({ approval: { expires: scene.now + 60 } })
    },
    expected: { step: 4, code: 'CLOCK_JUMPED' },
    guard: without('src/signer/checks/clock.check.ts', 'if (Math.abs(seconds) > LARGEST_JUMP_SECONDS)', 'if (false)'),
  },
  {
    name: 'clock-set-ahead-for-the-pace',
    threat: 'row 3',
    does: 'sets the clock of the online signer an hour and more ahead, to begin the next hour of a rollout',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      const plan = { devicesPerHour: 1, notBefore: scene.now - 60, expires: scene.now + DAY }
      const wish = { digest, plan, approval: { expires: scene.now + DAY } }
      await scene.must(scene.assign(wish))
      scene.pass(3_601)
      scene.fixture.uptime.jumpSeconds = 3_601
      return scene.assign({ ...wish, device: 2 })
    },
    expected: { step: 4, code: 'CLOCK_JUMPED' },
    guard: without('src/signer/checks/clock.check.ts', 'if (Math.abs(seconds) > LARGEST_JUMP_SECONDS)', 'if (false)'),
  },
  {
    name: 'clock-reset-by-one-manager',
    threat: 'row 4',
    does: 'orders the signer to believe its clock, with the key of a release manager',
    run: async (scene) => {
      await scene.releaseSigner()
      scene.pass(-1)
      return scene.clockReset({ approvers: ['manager-1'] })
    },
    expected: { step: 12, code: 'QUORUM_NOT_MET' },
    guard: without(
      'src/domain/trust/check-approvals.ts',
      'if (!isQuorumMet(parseQuorum(expression), roles))',
      'if (false)',
    ),
  },
  {
    name: 'clock-reset-of-another-day',
    threat: 'row 3',
    does: 'uses an order that people gave for yesterday, which the clock now shows again',
    run: async (scene) => {
      await scene.releaseSigner()
      const order = { notBefore: scene.now - DAY, expires: scene.now }
      return scene.clockReset({ order })
    },
    expected: { step: 4, code: 'ORDER_MISMATCH' },
    guard: without(ORDER, 'if (now < order.notBefore || now >= order.expires)', 'if (false)'),
  },
  {
    name: 'clock-reset-about-another-time',
    threat: 'row 3',
    does: 'keeps an order that was never delivered and uses it when something else was seen',
    run: async (scene) => {
      await scene.releaseSigner()
      return scene.clockReset({ order: { lastSeen: scene.now - 1 } })
    },
    expected: { step: 4, code: 'ORDER_MISMATCH' },
    guard: without(ORDER, 'if (order.lastSeen !== state.lastSeen)', 'if (false)'),
  },
  {
    name: 'clock-reset-twice',
    threat: 'row 3',
    does: 'delivers an order a second time',
    run: async (scene) => {
      await scene.must(scene.clockReset())
      return scene.clockReset()
    },
    expected: { step: 16, code: 'REQUEST_SPENT' },
    guard: without(ORDER, 'atCheck(16, () => requireUnspent(requestId, state.isOrderSpent(requestId)))'),
  },
  {
    name: 'order-for-another-namespace',
    threat: 'row 13',
    does: 'delivers the order that people gave for the signer of another environment',
    run: async (scene) => scene.clockReset({ order: { namespace: 'gateway/dev' } }),
    expected: { step: 2, code: 'WRONG_NAMESPACE' },
    guard: without('src/domain/trust/signer-order.ts', 'if (order.namespace !== namespace)', 'if (false)'),
  },
  {
    name: 'order-for-the-other-process',
    threat: 'row 3',
    does: 'delivers the order that people gave for the online signer to the release signer',
    run: async (scene) => scene.clockReset({ order: { process: 'online' } }),
    expected: { step: 2, code: 'ORDER_MISMATCH' },
    guard: without('src/domain/trust/signer-order.ts', 'if (order.process !== process)', 'if (false)'),
  },
]
