/** From a socket of the module to a member of another site, and back: channel, talk and cores together. */
import { expect, it, onTestFinished } from 'vitest'
import { Hono } from 'hono'
import { createFast } from '../../node/bridge/fast.ts'
import { serve } from '../../node/http/server.ts'
import { aTalk, BOB } from '../core/bridge/fixture.ts'
import { textsOf } from '../core/website.ts'
import { aRawClient } from './raw-client.ts'

it('a line of chat passes both ways, and one to a module that has gone is not delivered', async () => {
  const { world, talk, annId, website, write } = await aTalk()
  const contact = { isKnown: async () => true, seen: () => undefined }
  const fast = createFast({ contact, talk })
  const app = new Hono()
  const served = await serve(
    { fetch: (request) => app.fetch(request) },
    { host: '127.0.0.1', port: 0, onUpgrade: fast.upgrade },
  )
  onTestFinished(() => served.close())
  onTestFinished(fast.close)
  const client = await aRawClient(served.port)
  client.send('40/dpn')
  for (let at = 0; at < 3; at += 1) await client.next()

  const taken = Promise.withResolvers<'taken'>()
  website.answer = async () => {
    taken.resolve('taken')
    return 'taken'
  }
  const said = { id_user: BOB, id_contact: annId, text: 'Hello &quot;Ann&quot; &amp; all' }
  client.send(`42/dpn,${JSON.stringify(['im.message', said])}`)
  await taken.promise
  await world.quiet()
  expect(textsOf(website)).toEqual(['Hello "Ann" & all'])

  expect(await write("It's <me>")).toMatchObject({ outcome: 'delivered' })
  expect((await client.next())?.text).toBe(
    `42/dpn,${JSON.stringify(['im.message', { id_user: annId, id_contact: BOB, text: 'It&#39;s &lt;me&gt;' }])}`,
  )

  client.send('0/dpn')
  await client.rest()
  const sending = write('too late')
  await world.quiet()
  await world.tick(10)
  expect(await sending).toMatchObject({ outcome: 'unreachable' })
})
