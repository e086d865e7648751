import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CliHouse } from '../support/cli-house.js'

/** The runbooks "restored state" and "a refused clock", command by command, before the whole server and a real signer. */
describe('people at their own machines', () => {
  let house: CliHouse
  const at = (name: string): string => house.path(name)
  beforeAll(async () => {
    house = await CliHouse.start()
  }, 120_000)
  afterAll(() => house.stop())

  /** Everybody who is named signs the order on their own machine; the first of them brings it. */
  async function order(kind: 'resume-signer' | 'clock-reset', people: readonly string[]): Promise<readonly string[]> {
    const [first = ''] = people
    const [status = ''] = await house.must(first, 'signer', 'status', '--process', 'release', '--json')
    writeFileSync(at('status.json'), status)
    const propose = ['--process', 'release', '--status', at('status.json'), '--out', at(`${kind}.unsigned`)]
    await house.must(first, 'ceremony', kind, 'propose', ...propose)
    const signatures = people.map((person) => at(`${kind}.${person}.sig`))
    for (const [index, person] of people.entries()) {
      const out = signatures[index] ?? ''
      const files = [at(`${kind}.unsigned`), '--out', out]
      await house.must(person, 'ceremony', kind, 'sign', ...files, ...house.signing(person))
    }
    const out = at(`${kind}.request`)
    await house.must(first, 'ceremony', kind, 'assemble', at(`${kind}.unsigned`), ...signatures, '--out', out)
    await house.must(first, 'ceremony', kind, 'verify', out, '--transcript', `${out}.transcript.json`)
    return house.must(first, 'trust', 'push', '--request', out)
  }

  async function release(): Promise<Record<string, unknown>> {
    const image = at('image.bin')
    writeFileSync(image, house.bench.makeImage())
    const about = ['--version', '1.4.0', '--class', 'gateway/rev-b/prod']
    const [uploaded = ''] = await house.must(
      'engineer-1',
      ...['firmware', 'upload', image, ...about, '--json'],
      ...house.signing('engineer-1').slice(0, -1),
    )
    const { requestId } = JSON.parse(uploaded) as { requestId: string }
    const [made = ''] = await house.must('engineer-1', 'release', 'create', '--request', requestId, '--json')
    const { id } = JSON.parse(made) as { id: string }
    let answer = ''
    for (const manager of ['manager-1', 'manager-2'])
      [answer = ''] = await house.must(manager, 'release', 'approve', id, '--json', ...house.signing(manager))
    return JSON.parse(answer) as Record<string, unknown>
  }

  it('let a signer go on whose state was put back, above what the server knows to be signed', async () => {
    await house.signers.stop('release')
    cpSync(at('release'), at('backup'), { recursive: true })
    await house.signers.start('release')
    expect(await release()).toMatchObject({ state: 'signed', sequence: 1 })
    await house.signers.stop('release')
    rmSync(at('release'), { recursive: true })
    cpSync(at('backup'), at('release'), { recursive: true })
    await house.signers.start('release')
    const { output, alarms } = await house.run('security-1', 'signer', 'status')
    expect(alarms).toEqual([
      expect.stringContaining('WITHOUT A SANDBOX'),
      expect.stringContaining('SUSPENDED'),
      expect.stringContaining('WITHOUT A SANDBOX'),
    ])
    expect(output).toContainEqual(
      expect.stringContaining('next: countersign ceremony resume-signer propose --process release'),
    )
    expect(await order('resume-signer', ['security-1', 'security-2'])).toEqual([
      'the release signer carried out the order: resume',
    ])
    // Approvals from before are void, with the minute by which people's clocks may be ahead.
    house.clock.seconds += 61
    house.signers.clock.seconds += 61
    expect(await release()).toMatchObject({ state: 'signed', sequence: 2 })
    const { body } = await house.bench.call('GET', '/audit?limit=1000', 'auditor')
    expect(body['items']).toContainEqual(expect.objectContaining({ event: 'signer.resumed', actor: 'security-1' }))
  })

  it('order nothing twice, and nothing for a signer that serves', async () => {
    await expect(order('resume-signer', ['security-1'])).rejects.toThrow('STATE')
    const again = await house.run('security-2', 'trust', 'push', '--request', at('resume-signer.request'))
    expect(again.errors[0]).toBe('refused by the server: SIGNER_REFUSED (code=ORDER_MISMATCH check=25)')
    const { body } = await house.bench.call('GET', '/audit?limit=1000', 'auditor')
    expect(body['items']).toContainEqual(
      expect.objectContaining({
        event: 'signer.order-refused',
        actor: 'security-2',
        detail: expect.objectContaining({ code: 'ORDER_MISMATCH', check: 25 }),
      }),
    )
  })

  it('set a clock right that the signer refuses', async () => {
    house.signers.clock.seconds += 7_200
    house.signers.uptime.jumpSeconds = 7_200
    const { errors } = await house.run('security-1', 'keys', 'renew', ...house.signing('security-1'))
    expect(errors[0]).toBe('refused by the server: SIGNER_REFUSED (code=CLOCK_JUMPED check=4)')
    expect(await order('clock-reset', ['security-2'])).toEqual([
      'the release signer carried out the order: clock-reset',
    ])
    house.signers.clock.seconds += 1
    await house.krl('renew')
  })

  it('bring a revocation list that was approved apart from any server, and again without harm', async () => {
    const key = house.signers.keyIds.get('manifest-a') ?? ''
    const words = ['--revoke', key, '--reason', 'compromise', '--out', at('krl.unsigned')]
    await house.must('security-1', 'trust', 'update')
    await house.must('security-2', 'trust', 'update')
    await house.must('security-1', 'ceremony', 'krl', 'propose', ...words)
    for (const person of ['security-1', 'security-2'])
      await house.must(
        person,
        ...['ceremony', 'krl', 'sign', at('krl.unsigned'), '--out', at(`krl.${person}.sig`)],
        ...house.signing(person),
      )
    const signatures = [at('krl.security-1.sig'), at('krl.security-2.sig')]
    const out = ['--out', at('krl.request')]
    await house.must('security-2', 'ceremony', 'krl', 'assemble', at('krl.unsigned'), ...signatures, ...out)
    const push = () => house.must('security-3', 'trust', 'push', '--request', at('krl.request'))
    const [said] = await push()
    expect(said).toMatch(/^revocation list 3, request [0-9a-f-]{36}: signed$/)
    expect(await push()).toEqual([said])
    const { body } = await house.bench.call('GET', '/keys', 'auditor')
    expect(body).toContainEqual(expect.objectContaining({ keyId: key, state: 'revoked' }))
  })
})
