import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'

let bench: CliBench
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterEach(() => bench.close())
const bodies = (): unknown[] =>
  bench.courier.calls.filter(({ body }) => body.length > 0).map(({ body }) => JSON.parse(Buffer.from(body).toString()))

describe('countersign device set', () => {
  it('sets and takes away attributes and tags of one device', async () => {
    bench.courier.on('PATCH /devices/d1/facts', () => ({}))
    const words = ['--attribute', 'site=a=b', '--attribute', 'floor=', '--tag', 'canary', '--untag', 'frozen']
    expect(await bench.must('device', 'set', 'd1', ...words)).toEqual(['1 devices changed'])
    expect(bodies()).toEqual([
      { attributes: { site: 'a=b', floor: null }, addTags: ['canary'], removeTags: ['frozen'] },
    ])
  })

  it('goes on until the filter finds no more', async () => {
    const answers = [
      { devices: 1_000, next: 'ff' },
      { devices: 7, next: null },
    ]
    bench.courier.on('POST /device-facts', () => answers.shift())
    expect(await bench.must('device', 'set', '--filter', 'tag a', '--tag', 'b')).toEqual(['1007 devices changed'])
    expect(bodies()).toMatchObject([
      { filter: 'tag a', after: '' },
      { filter: 'tag a', after: 'ff' },
    ])
  })

  it.each([[[]], [['d1', '--filter', 'tag a']]])('wants either a device or a filter: %j', async (words) => {
    const { exitCode, errors } = await bench.run('device', 'set', ...words, '--tag', 'a')
    expect(exitCode).toBe(2)
    expect(errors.join()).toContain('name a device, or --filter')
    expect(bodies()).toEqual([])
  })
})

describe('countersign group', () => {
  it('is made of a filter, or of devices that people name', async () => {
    bench.courier.on('PUT /groups/lab', () => ({ name: 'lab' }))
    bench.courier.on('POST /groups/vip/members', () => ({ added: 1 }))
    expect(await bench.must('group', 'put', 'lab', '--filter', 'tag a')).toEqual(['group lab: tag a'])
    expect(await bench.must('group', 'members', 'vip', '--add', 'd1')).toEqual(['group vip: {"added":1}'])
    expect(bodies()).toEqual([{ filter: 'tag a' }, { add: ['d1'], remove: [] }])
  })
})
