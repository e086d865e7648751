import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'

let bench: CliBench
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterEach(() => bench.close())
const spki = (): string =>
  generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64')

describe('countersign device import', () => {
  const write = (text: string): string => {
    const file = join(bench.folder, 'keys.csv')
    writeFileSync(file, text)
    return file
  }

  it('sends what it can read, and says what is wrong with which line', async () => {
    bench.courier.on('POST /device-registrations', () => ({
      items: [{ result: 'added' }, { result: 'known' }, { result: 'refused', why: 'no such class' }],
    }))
    const file = write(`key,class,batch\n${spki()},a,7\nzz,a,7\n${spki()},a,\n${spki()},b,8\n`)
    const { exitCode, output } = await bench.run('device', 'import', file)
    expect(exitCode).not.toBe(0)
    expect(output).toEqual([
      'line 3: key: neither hex nor the base64 of a public key',
      'line 5: no such class',
      '1 keys added, 1 known already, 2 lines refused',
    ])
    const sent = JSON.parse(Buffer.from(bench.courier.calls.at(-1)?.body ?? []).toString()) as { items: object[] }
    expect(sent.items).toMatchObject([
      { className: 'a', attributes: { batch: '7' } },
      { className: 'a', attributes: {} },
      { className: 'b', attributes: { batch: '8' } },
    ])
  })

  it('goes in parts, and is content when all is there', async () => {
    bench.courier.on('POST /device-registrations', ({ body }) => {
      const { items } = JSON.parse(Buffer.from(body).toString()) as { items: object[] }
      return { items: items.map(() => ({ result: 'known' })) }
    })
    const rows = Array.from({ length: 1_001 }, () => `${spki()},a`)
    expect(await bench.must('device', 'import', write(['key,class', ...rows].join('\n')))).toEqual([
      '0 keys added, 1001 known already, 0 lines refused',
    ])
    expect(bench.courier.calls.filter(({ path }) => path.endsWith('/device-registrations')).length).toBe(2)
  })
})

describe('countersign device', () => {
  it('decommissions after a question', async () => {
    bench.courier.on('POST /devices/d1/decommission', () => ({}))
    expect(await bench.must('device', 'decommission', 'd1', '--yes')).toEqual(['device d1 is decommissioned'])
  })

  it('lists devices that seem to be two', async () => {
    const items = [{ deviceId: 'd1', kind: 'counter', detail: 'epoch 1, number 7', times: 3 }]
    bench.courier.on('GET /device-duplicates', () => ({ items, next: null }))
    expect(await bench.must('device', 'duplicates')).toEqual(['d1  counter  epoch 1, number 7  3 times'])
  })

  it('tells how often devices were refused, and for what', async () => {
    const lastAt = 1_800_000_000
    bench.courier.on('GET /refused-reports', () => ({ items: [{ code: 'REPORT_OLD', reports: 1_200, lastAt }] }))
    bench.courier.on('GET /device-refusals', () => ({ items: [{ kind: 'UNAUTHENTICATED', count: 2, lastAt }] }))
    expect(await bench.must('device', 'refusals')).toEqual([
      'report  REPORT_OLD  1,200 times, last 2027-01-15T08:00:00Z',
      'call    UNAUTHENTICATED  2 times, last 2027-01-15T08:00:00Z',
    ])
  })

  it('writes the certificates of authorities for a broker, and over no file', async () => {
    bench.courier.on('GET /device-authorities', () => ({
      items: [
        { keyId: 'a', pem: 'one\n' },
        { keyId: 'b', pem: 'two\n' },
      ],
    }))
    const out = join(bench.folder, 'authorities.pem')
    await bench.must('device', 'authorities', '--out', out)
    expect(readFileSync(out, 'utf8')).toBe('one\ntwo\n')
    expect((await bench.run('device', 'authorities', '--out', out)).exitCode).not.toBe(0)
  })

  it('writes no empty file of authorities: a broker would let nobody in', async () => {
    bench.courier.on('GET /device-authorities', () => ({ items: [] }))
    const out = join(bench.folder, 'none.pem')
    const run = await bench.run('device', 'authorities', '--out', out)
    expect(run).toMatchObject({
      exitCode: 1,
      errors: [expect.stringContaining('SIGNER_KEY_MISSING'), expect.anything()],
    })
    expect(existsSync(out)).toBe(false)
  })
})
