import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ProcessSupervisor } from '../../src/embedded/process-supervisor.js'
import { describeFailure } from '../failure.js'
import { startFleet } from '../fleet-process.js'
import { Folders } from '../folders.js'
import { Story } from '../story.js'
import { rehearse } from './compromise.js'
import { readCopy } from './copy.js'
import { prepareRehearsal } from './rehearsal.js'

// Started by `countersign keys drill`, which shows what it writes into --out. It knows no address and no key of what it rehearses.
async function main(supervisor: ProcessSupervisor): Promise<void> {
  const { values } = parseArgs({
    options: {
      copy: { type: 'string' },
      out: { type: 'string' },
      devices: { type: 'string', default: '20' },
      'without-sandbox': { type: 'boolean', default: false },
    },
  })
  if (values.copy === undefined || values.out === undefined) throw new Error('usage: --copy FILE --out FILE')
  // What a program reads is not mixed with the story.
  const story = new Story(process.stderr)
  const folders = Folders.temporary()
  supervisor.own({ stop: async () => folders.remove() })
  const copy = readCopy(values.copy)
  const devices = Number(values.devices)
  const withSandbox = !values['without-sandbox']
  const rehearsal = await prepareRehearsal({ copy, folders, supervisor, story, withSandbox })
  await startFleet(rehearsal.installation, supervisor, devices, null, story)
  story.tell(`${devices} simulated devices are enrolled; a manifest key is said to be stolen`)
  const times = await rehearse(rehearsal, devices, story)
  const approvers = rehearsal.approvers.map(({ name, role }) => ({ name, role }))
  await supervisor.stopAll()
  writeFileSync(values.out, JSON.stringify({ ...times, approvers, withSandbox }))
}

const supervisor = new ProcessSupervisor()
supervisor.stopOnExit((error) => process.stderr.write(`\n${describeFailure(error)}\n`))
try {
  await main(supervisor)
  process.exit(0)
} catch (error) {
  process.stderr.write(`\n${describeFailure(error)}\n`)
  await supervisor.stopAll().catch(() => undefined)
  process.exit(1)
}
