import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'

let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

const offer = (lists: Readonly<Record<string, readonly object[]>>): void => {
  for (const path of ['releases', 're-sign-requests', 'krl-requests', 'rollouts'])
    bench.courier.on(`GET /${path}`, () => ({ items: lists[path] ?? [], next: null }))
}

it('approvals list names what waits for people, each with its command, and nothing else', async () => {
  const release = { classId: '00'.repeat(16), version: '1.4.0', sequence: 8 }
  const list = { requestId: 'k', krl: 'AQ', subjectSha256: '00'.repeat(32), number: 5 }
  const closed = { code: 'CHANGE_WINDOW_CLOSED', check: 13 }
  offer({
    releases: [
      { ...release, id: 'r8', state: 'awaiting-approval' },
      { ...release, id: 'r7', state: 'signed' },
      { ...release, id: 'r9', sequence: 9, state: 'awaiting-approval', fallbackOf: 'r8' },
      { ...release, id: 'r10', sequence: 10, state: 'awaiting-approval', fallbackOf: 'r7', lastRefusal: closed },
    ],
    're-sign-requests': [{ id: 'q1', releaseId: 'r7' }],
    'krl-requests': [
      { ...list, id: 'k5', state: 'awaiting-approval' },
      { ...list, id: 'k4', state: 'signed' },
    ],
    rollouts: [
      { id: 'o1', state: 'planned' },
      { id: 'o2', state: 'running' },
    ],
  })
  expect((await bench.run('approvals', 'list')).output).toEqual([
    'release          1.4.0, sequence 8',
    '  next: countersign release approve r8 --key FILE',
    'release          1.4.0, sequence 10; the signer refused it last: CHANGE_WINDOW_CLOSED',
    '  next: countersign release approve r10 --key FILE',
    're-sign          release r7',
    '  next: countersign release re-sign r7 --key FILE',
    'revocation list  number 5',
    '  next: countersign keys approve k5 --key FILE',
    'rollout          its pace',
    '  next: countersign rollout approve o1 --key FILE',
  ])
  offer({})
  expect((await bench.run('approvals', 'list')).output).toEqual(['nothing waits for anybody'])
})
