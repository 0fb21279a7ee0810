/**
 * A process that publishes body after body into a data folder and says each index once it is
 * durable, until it is killed. Called with the folder's path.
 */
import { writeSync } from 'node:fs'
import { toUtf8 } from '../../protocol/bytes.ts'
import { folderAt } from '../../node/store/folder.ts'
import { aBody, aState, HOME, openFolder } from './rows.ts'

const { store, vault } = await openFolder(folderAt(process.argv[2] ?? ''))
await vault.retain(new Set(await store.read((tx) => tx.bodies.slots())))
const held = await store.read((tx) => tx.records.counts(HOME))
for (let n = held.live; ; n += 1) {
  const [sealed] = await vault.seal([toUtf8(`text ${n}`)])
  if (sealed === undefined) throw new Error('nothing sealed')
  await store.write(async (tx) => {
    await tx.records.save(HOME, [aState(n)], true)
    await tx.bodies.insert(HOME, [aBody(n, { sealed })])
  })
  writeSync(1, `${n}\n`)
}
