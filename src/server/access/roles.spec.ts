import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { makeApiDocument } from '../http/api-document.js'
import { apiRoles, type ApiRole } from './roles.decorator.js'

const everybody: readonly ApiRole[] = ['engineer', 'approver', 'fleet-manager', 'security-officer', 'auditor']
const withMachines: readonly ApiRole[] = [...everybody, 'ci']
const base = '/api/v1/{product}/{environment}'

/** Who may make each call. A call that is not here fails the test: somebody has to decide. */
const table: Readonly<Record<string, readonly ApiRole[]>> = {
  [`GET ${base}`]: withMachines,
  [`POST ${base}/tokens`]: ['security-officer'],
  [`GET ${base}/tokens`]: ['security-officer'],
  [`DELETE ${base}/tokens/{id}`]: ['security-officer'],
  [`PATCH ${base}/devices/{id}/facts`]: ['fleet-manager'],
  [`POST ${base}/device-facts`]: ['fleet-manager'],
  [`GET ${base}/device-count`]: everybody,
  [`GET ${base}/groups`]: everybody,
  [`GET ${base}/groups/{name}`]: everybody,
  [`PUT ${base}/groups/{name}`]: ['fleet-manager'],
  [`DELETE ${base}/groups/{name}`]: ['fleet-manager'],
  [`POST ${base}/groups/{name}/members`]: ['fleet-manager'],
  [`GET ${base}/events`]: everybody,
  [`POST ${base}/webhooks`]: ['security-officer'],
  [`GET ${base}/webhooks`]: ['security-officer'],
  [`DELETE ${base}/webhooks/{id}`]: ['security-officer'],
  [`GET ${base}/webhooks/{id}/deliveries`]: ['security-officer'],
  [`POST ${base}/webhooks/{id}/replay`]: ['security-officer'],
  [`GET ${base}/audit`]: ['auditor', 'security-officer'],
  [`POST ${base}/trust/roots`]: ['security-officer'],
  [`POST ${base}/trust/policies`]: ['security-officer'],
  [`POST ${base}/trust/krls`]: ['security-officer'],
  [`GET ${base}/keys`]: everybody,
  [`POST ${base}/krl-requests`]: ['security-officer'],
  [`GET ${base}/krl-requests`]: everybody,
  [`GET ${base}/krl-requests/{id}`]: everybody,
  [`POST ${base}/krl-requests/{id}/approvals`]: ['security-officer', 'approver'],
  [`GET ${base}/krl-acknowledgements/{number}`]: everybody,
  [`GET ${base}/signers/{process}`]: everybody,
  [`POST ${base}/signers/{process}/orders`]: ['security-officer'],
  [`PUT ${base}/firmware/{sha256}`]: ['engineer', 'ci'],
  [`GET ${base}/firmware`]: withMachines,
  [`GET ${base}/firmware/{sha256}`]: withMachines,
  [`GET ${base}/firmware/{sha256}/content`]: everybody,
  [`POST ${base}/firmware/{sha256}/inspection`]: ['engineer', 'ci', 'security-officer'],
  [`POST ${base}/firmware/{sha256}/submissions`]: ['engineer'],
  [`POST ${base}/firmware/{sha256}/evidence`]: ['engineer', 'ci'],
  [`GET ${base}/firmware/{sha256}/evidence`]: withMachines,
  [`GET ${base}/firmware/{sha256}/evidence/{id}`]: withMachines,
  [`POST ${base}/firmware/prune`]: ['security-officer'],
  [`GET ${base}/uploads`]: ['engineer', 'security-officer', 'ci'],
  [`POST ${base}/uploads`]: ['engineer', 'ci'],
  [`HEAD ${base}/uploads/{id}`]: ['engineer', 'ci'],
  [`PATCH ${base}/uploads/{id}`]: ['engineer', 'ci'],
  [`DELETE ${base}/uploads/{id}`]: ['engineer', 'security-officer', 'ci'],
  [`GET ${base}/embedded-keys`]: withMachines,
  [`POST ${base}/embedded-keys`]: ['security-officer'],
  [`DELETE ${base}/embedded-keys/{id}`]: ['security-officer'],
  [`POST ${base}/releases`]: ['engineer', 'ci'],
  [`GET ${base}/releases`]: withMachines,
  [`GET ${base}/releases/{id}`]: withMachines,
  [`POST ${base}/releases/{id}/approvals`]: ['approver'],
  [`POST ${base}/releases/{id}/rejection`]: ['approver'],
  [`POST ${base}/releases/{id}/renew`]: ['engineer', 'ci'],
  [`POST ${base}/releases/{id}/re-sign`]: ['engineer', 'approver', 'ci'],
  [`GET ${base}/releases/{id}/re-sign`]: withMachines,
  [`POST ${base}/releases/{id}/re-sign/approvals`]: ['approver'],
  [`GET ${base}/re-sign-requests`]: withMachines,
  [`POST ${base}/rollouts`]: ['fleet-manager'],
  [`POST ${base}/rollouts/clear`]: ['security-officer'],
  [`GET ${base}/rollouts`]: everybody,
  [`GET ${base}/rollouts/{id}`]: everybody,
  [`GET ${base}/rollouts/{id}/deployments`]: everybody,
  [`POST ${base}/rollouts/{id}/approvals`]: ['fleet-manager'],
  [`POST ${base}/rollouts/{id}/start`]: ['fleet-manager'],
  [`POST ${base}/rollouts/{id}/pause`]: ['fleet-manager'],
  [`POST ${base}/rollouts/{id}/resume`]: ['fleet-manager'],
  [`POST ${base}/rollouts/{id}/cancel`]: ['fleet-manager'],
  [`POST ${base}/rollouts/{id}/roll-back`]: ['fleet-manager'],
  [`GET ${base}/rollouts/{id}/plan`]: everybody,
  [`POST ${base}/releases/{id}/path`]: ['fleet-manager'],
  [`GET ${base}/refused-reports`]: everybody,
  [`GET ${base}/devices`]: everybody,
  [`GET ${base}/devices/{id}`]: everybody,
  [`POST ${base}/ddi/targets`]: ['fleet-manager'],
  [`GET ${base}/ddi/targets`]: everybody,
  [`POST ${base}/ddi/targets/{id}/token`]: ['fleet-manager'],
  [`POST ${base}/ddi/targets/{id}/config-data-request`]: ['fleet-manager'],
  [`GET ${base}/ddi/targets/{id}/actions`]: everybody,
  [`POST ${base}/ddi/gateway-tokens`]: ['fleet-manager', 'security-officer'],
  [`GET ${base}/ddi/gateway-tokens`]: ['fleet-manager', 'security-officer'],
  [`DELETE ${base}/ddi/gateway-tokens/{id}`]: ['fleet-manager', 'security-officer'],
  [`GET ${base}/ddi/refusals`]: everybody,
  [`GET ${base}/device-authorities`]: everybody,
  [`GET ${base}/device-duplicates`]: everybody,
  [`GET ${base}/device-refusals`]: everybody,
  [`POST ${base}/device-registrations`]: ['fleet-manager', 'security-officer'],
  [`POST ${base}/devices/{id}/decommission`]: ['fleet-manager', 'security-officer'],
  [`POST ${base}/claim-tokens`]: ['fleet-manager', 'security-officer'],
}
/** Calls without a token: public documents and health. Devices have a check of their own. */
const open = [`GET ${base}/trust`, 'GET /health/live', 'GET /health/ready']

describe('roles', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(() => bench.stop())

  const calls = (): string[] =>
    Object.entries(makeApiDocument(bench.server.app).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
  const statusAs = async (call: string, token: string | null): Promise<number> => {
    const [method = '', path = ''] = call.split(' ')
    const [product = '', environment = ''] = bench.trust.namespace.split('/')
    const url = path
      .replace('{product}', product)
      .replace('{environment}', environment)
      .replaceAll(/\{\w+\}/g, '0')
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    return (await bench.server.app.inject({ method: method as 'GET', url, headers })).statusCode
  }

  it('are decided for every call', () => {
    const people = calls().filter((call) => !call.includes(' /device/'))
    expect(people.filter((call) => table[call] === undefined && !open.includes(call))).toEqual([])
    expect(Object.keys(table).filter((call) => !people.includes(call))).toEqual([])
  })

  it.each(Object.keys(table))('%s', async (call) => {
    const asked = [...apiRoles].map(async (role) => [role, await statusAs(call, await bench.token(role))] as const)
    const refused = (await Promise.all(asked)).filter(([, status]) => status === 403).map(([role]) => role)
    expect(refused).toEqual(apiRoles.filter((role) => table[call]?.includes(role) !== true))
    expect(await statusAs(call, null)).toBe(401)
  })

  it.each(open)('%s needs no token', async (call) => {
    expect(await statusAs(call, null)).toBe(200)
  })
})
