import { afterEach, expect, it } from '@jest/globals'
import { CliBench } from '../../test/support/cli-bench.js'
import { ReleasePage } from '../../test/support/release-page.js'
import { parseApproval } from '../domain/trust/approval.js'
import { parseSign1 } from '../domain/cose/sign1.js'
import type { PolicyLimits } from '../domain/trust/policy-limits.js'

let bench: CliBench
afterEach(() => bench.close())

// Friday 2027-01-15, 08:00 UTC; the window is Monday.
const NOW = 1_800_000_000
const monday = [{ days: 1, fromSecond: 28_800, toSecond: 57_600 }]

async function pageUnder(limits: PolicyLimits): Promise<ReleasePage> {
  bench = await CliBench.make({ now: NOW })
  await bench.login()
  const { bytes, policy } = await bench.trust.nextPolicy({ limits })
  bench.offer({ roots: [bench.trust.rootBytes], policy: bytes, krl: await bench.trust.signKrl(bench.trust.krl()) })
  const page = new ReleasePage(bench)
  const approval = await page.approvalBy('manager-2', { policyVersion: policy.version })
  await page.show({ page: { approvals: [approval] } })
  return page
}

it('release approve says when the change window is closed, and what break-glass still wants', async () => {
  const page = await pageUnder({ windows: monday, breakGlass: '2 of release-manager and 1 of security' })
  const { output, alarms } = await page.approve()
  expect(output).toContain('quorum        2 of release-manager; missing: 1 of release-manager')
  expect(alarms).toEqual([
    'The change window is CLOSED: the next window opens 2027-01-18T08:00:00Z.',
    'Before that it takes break-glass, which raises an alarm record: 2 of release-manager and 1 of security; missing: 1 of release-manager and 1 of security.',
  ])
})

it('lets those approve whom only break-glass counts, while the window is closed', async () => {
  const page = await pageUnder({ windows: monday, breakGlass: '2 of release-manager and 1 of security' })
  expect((await page.approve('security-1')).errors).toEqual([])
  const { payload } = parseSign1(page.approvals[0] ?? new Uint8Array(0), 65_536)
  expect(parseApproval(payload ?? new Uint8Array(0)).role).toBe('security')
})

it('says that nobody can sign where there is no break-glass, and nothing while the window is open', async () => {
  const page = await pageUnder({ windows: monday })
  expect((await page.approve()).alarms.at(-1)).toBe(
    'Nobody can sign before that: the policy has no break-glass quorum.',
  )
  await bench.close()
  const open = await pageUnder({
    windows: [{ days: 16, fromSecond: 0, toSecond: 86_400 }],
    breakGlass: '1 of security',
  })
  expect((await open.approve()).alarms).toEqual([])
  expect((await open.approve('security-1')).errors[0]).toContain('refused: APPROVAL_ROLE')
})
