import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'
import { CourierAnswer } from '../../../test/support/courier-server.js'

let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

const id = '00000000-0000-4000-8000-000000000001'

describe('uploads that nobody finished', () => {
  it('are listed, those of others too', async () => {
    const row = { id, sha256: 'ab'.repeat(32), sizeBytes: 700_000, receivedBytes: 300_000 }
    const items = [{ ...row, createdBy: 'ci-1', expiresAt: 1_800_000_000 }]
    bench.courier.on('GET /uploads', ({ query }) => ({ items: query.get('of') === 'all' ? items : [], next: null }))
    expect(await bench.must('firmware', 'uploads')).toEqual([
      `${id}  300,000 bytes of 700,000 bytes, by ci-1, until 2027-01-15T08:00:00Z`,
      `  sha256 ${'ab'.repeat(32)}`,
    ])
  })

  it('are given up by the protocol they came with', async () => {
    bench.courier.on(
      `DELETE /uploads/${id}`,
      ({ headers }) => new CourierAnswer(headers['tus-resumable'] === '1.0.0' ? 204 : 412),
    )
    expect(await bench.must('firmware', 'cancel', id)).toEqual([`cancelled ${id}`])
    const { exitCode, errors } = await bench.run('firmware', 'cancel', '../trust')
    expect([exitCode, errors[0]]).toEqual([1, expect.stringContaining('NOT_FOUND')])
  })
})
