import { z } from 'zod'
import type { CommonOptions } from './command-shape.js'
import { readDeviceList, type LineFault } from './device-list.js'
import { readLocalFile } from './local-file.js'
import { Refusal } from '../domain/refusal.js'
import { sessionOf } from './command-shape.js'
import type { World } from './session.js'

const BATCH = 1_000
const MAX_BYTES = 256 * 1024 * 1024
const Answer = z.looseObject({
  items: z.array(z.looseObject({ result: z.enum(['added', 'known', 'refused']), why: z.string().optional() })),
})

/** `device import`: each line for itself; run again it goes on where it was cut, because what is known is known. */
export async function importDevices(world: World, file: string, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { devices, faults: unread } = readDeviceList(Buffer.from(readLocalFile(file, MAX_BYTES)).toString('utf8'))
  const faults: LineFault[] = [...unread]
  const counts = { added: 0, known: 0 }
  for (let at = 0; at < devices.length; at += BATCH) {
    const batch = devices.slice(at, at + BATCH)
    const items = batch.map(({ key, className, attributes }) => ({ key, className, attributes }))
    const answer = await session.api.post('/device-registrations', { items }, Answer)
    for (const [index, { result, why }] of answer.items.entries())
      if (result === 'refused') faults.push({ line: batch[index]?.line ?? 0, why: why ?? 'refused' })
      else counts[result] += 1
    world.terminal.status(`${Math.min(devices.length, at + BATCH)} of ${devices.length} devices`)
  }
  world.terminal.status('')
  const sorted = faults.toSorted((a, b) => a.line - b.line)
  for (const { line, why } of sorted) session.output.line(`line ${line}: ${why}`)
  session.output.line(`${counts.added} keys added, ${counts.known} known already, ${sorted.length} lines refused`)
  session.output.result({ ...counts, faults: sorted })
  if (sorted.length > 0)
    throw new Refusal('REQUEST_INVALID', { field: file, why: `${sorted.length} lines; mend them and import again` })
}
