import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'

let bench: CliBench
const serve = (process: string): void =>
  bench.courier.on(`GET /signers/${process}`, () => ({
    ...{ namespace: bench.trust.namespace, process, suspended: false, suspensionId: '', lastSeen: 0 },
    ...{ sandboxed: true, rootVersion: 1, policyVersion: 1, krlNumber: 1, sequences: {}, keyIds: [] },
  }))

beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

it.each([
  ['online', 'release'],
  ['release', 'online'],
])('tells of the other signer while the %s signer is down, and ends with 1', async (down, up) => {
  serve(up)
  bench.courier.refuse(`GET /signers/${down}`, 503, 'SIGNER_UNAVAILABLE', { why: 'ENOENT' })
  const { exitCode, output, alarms, errors } = await bench.run('signer', 'status')
  expect(exitCode).toBe(1)
  expect(output).toContain(`${up} signer: root 1, policy 1, KRL 1`)
  expect(alarms).toEqual([`${down} signer: does NOT ANSWER`])
  expect(errors).toEqual([
    'refused by the server: SIGNER_UNAVAILABLE (why=ENOENT)',
    expect.stringContaining('next: the server cannot reach that signer'),
  ])
})
