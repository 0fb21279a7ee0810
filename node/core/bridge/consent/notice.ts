/**
 * The notice that a bridged member reads before consenting, in each language. It is hashed as it
 * stands here, so that a changed letter is another notice; a changed meaning needs a new version.
 */
import type { Notice } from '../../../../protocol/consent.ts'
import { toHex, toUtf8 } from '../../../../protocol/bytes.ts'
import type { SiteId } from '../../../../protocol/ids.ts'
import type { Crypto } from '../../ports.ts'

/** Must be among the terms' accepted ones for a consent to count. */
export const NOTICE_VERSION = '2018-06-19'

export const NOTICE_LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'ru'] as const
export type NoticeLanguage = (typeof NOTICE_LANGUAGES)[number]

/** Who asks, and for what. */
export interface NoticeParties {
  site: SiteId
  network: SiteId
}

/** The language of the notice for who reads `language`: that one, or English. */
export function noticeLanguage(language: string): NoticeLanguage {
  return NOTICE_LANGUAGES.find((one) => one === language) ?? 'en'
}

/** A heading and paragraphs; the version is the last of them. */
type Words = (parties: NoticeParties) => readonly string[]

const TEXTS: Readonly<Record<NoticeLanguage, Words>> = {
  en: ({ site, network }) => [
    `What you agree to: your profile in ${network}`,
    `${site} asks you, and is responsible for your data. It takes part in ${network}, a network of independent dating sites, and may show your profile to members of the other sites only if you agree. You do not have to. If you say no, your account at ${site} stays as it is.`,
    `What is shared: what you tick on this page, and nothing else. Without the first box nothing is shared at all. Your e-mail address, postal code, password and exact place are never shown to anybody.`,
    `Who gets it: the other sites of ${network}, each as a copy on a machine of its own. They show it to adults who fit whom you seek. Some of these sites may be in other countries than yours. ${network} publishes the list of its sites, and ${site} tells you which of them have got something of you.`,
    `Some of it is sensitive. Your gender and whom you seek tell something about your sexual orientation. Race and religion are shared only if you tick them, each by itself. With each tick you agree expressly that this is shared.`,
    `What it is used for: so that others find you, so that you and others are recommended to each other, and so that you can write to each other. It is used for nothing else.`,
    `You can withdraw at any time, as easily as you agree: by the link that you get after agreeing, by asking ${site}, or, if you leave your e-mail address here, by a mail from it to ${network}. Then every copy is erased, here and at all partner sites, and each of them signs a receipt for it. What was done until then stays lawful.`,
    `Your consent holds for 12 months at most. Then every copy is erased, unless you agree again.`,
    `If you leave your e-mail address, it is encrypted so that only ${site} can read it, and serves only to act on a withdrawal that comes from it.`,
    `You may ask ${site} for a copy of your data, for their correction and for a restriction of their use, and you may complain to a data protection authority.`,
    `Version ${NOTICE_VERSION}`,
  ],
  de: ({ site, network }) => [
    `Worin Sie einwilligen: Ihr Profil in ${network}`,
    `${site} fragt Sie und ist für Ihre Daten verantwortlich. ${site} gehört zu ${network}, einem Netzwerk unabhängiger Dating-Seiten, und darf Ihr Profil den Mitgliedern der anderen Seiten nur zeigen, wenn Sie einwilligen. Sie müssen das nicht. Wenn Sie Nein sagen, bleibt Ihr Konto bei ${site}, wie es ist.`,
    `Was weitergegeben wird: was Sie auf dieser Seite ankreuzen, und sonst nichts. Ohne das erste Kästchen wird gar nichts weitergegeben. Ihre E-Mail-Adresse, Postleitzahl, Ihr Passwort und Ihr genauer Ort werden nie jemandem gezeigt.`,
    `Wer es bekommt: die anderen Seiten von ${network}, jede als Kopie auf einem eigenen Rechner. Sie zeigen es Erwachsenen, die zu dem passen, was Sie suchen. Manche dieser Seiten können in anderen Ländern sein als Sie. ${network} veröffentlicht die Liste seiner Seiten, und ${site} sagt Ihnen, welche davon etwas von Ihnen bekommen haben.`,
    `Manches davon ist besonders schützenswert. Ihr Geschlecht und wen Sie suchen sagen etwas über Ihre sexuelle Orientierung. Herkunft und Religion werden nur weitergegeben, wenn Sie sie ankreuzen, jede für sich. Mit jedem Kreuz willigen Sie ausdrücklich ein, dass dies weitergegeben wird.`,
    `Wozu es dient: damit andere Sie finden, damit Sie und andere einander vorgeschlagen werden und damit Sie einander schreiben können. Zu nichts anderem.`,
    `Sie können jederzeit widerrufen, so leicht wie Sie einwilligen: mit dem Link, den Sie danach bekommen, durch eine Bitte an ${site} oder, wenn Sie hier Ihre E-Mail-Adresse angeben, durch eine E-Mail von ihr an ${network}. Dann wird jede Kopie gelöscht, hier und bei allen Partnerseiten, und jede von ihnen bestätigt es mit einer Unterschrift. Was bis dahin geschehen ist, bleibt rechtmäßig.`,
    `Ihre Einwilligung gilt höchstens 12 Monate. Danach wird jede Kopie gelöscht, wenn Sie nicht erneut einwilligen.`,
    `Wenn Sie Ihre E-Mail-Adresse angeben, wird sie so verschlüsselt, dass nur ${site} sie lesen kann. Sie dient allein dazu, einen Widerruf auszuführen, der von ihr kommt.`,
    `Sie können von ${site} eine Kopie Ihrer Daten, ihre Berichtigung und eine Einschränkung ihrer Verwendung verlangen, und Sie können sich bei einer Datenschutzbehörde beschweren.`,
    `Fassung ${NOTICE_VERSION}`,
  ],
  fr: ({ site, network }) => [
    `Ce que vous acceptez : votre profil dans ${network}`,
    `${site} vous pose la question et est responsable de vos données. ${site} fait partie de ${network}, un réseau de sites de rencontre indépendants, et ne peut montrer votre profil aux membres des autres sites que si vous l’acceptez. Rien ne vous y oblige. Si vous refusez, votre compte chez ${site} reste tel qu’il est.`,
    `Ce qui est partagé : ce que vous cochez sur cette page, et rien d’autre. Sans la première case, rien n’est partagé. Votre adresse électronique, votre code postal, votre mot de passe et votre position exacte ne sont jamais montrés à personne.`,
    `Qui le reçoit : les autres sites de ${network}, chacun sous forme de copie sur sa propre machine. Ils le montrent à des adultes qui correspondent à ce que vous cherchez. Certains de ces sites peuvent se trouver dans d’autres pays que le vôtre. ${network} publie la liste de ses sites, et ${site} vous dit lesquels ont reçu quelque chose de vous.`,
    `Certaines données sont sensibles. Votre genre et les personnes que vous cherchez disent quelque chose de votre orientation sexuelle. L’origine et la religion ne sont partagées que si vous les cochez, chacune à part. Par chaque case cochée, vous acceptez expressément ce partage.`,
    `À quoi cela sert : à ce que d’autres vous trouvent, à ce que vous soyez proposés les uns aux autres, et à ce que vous puissiez vous écrire. À rien d’autre.`,
    `Vous pouvez retirer votre accord à tout moment, aussi facilement que vous le donnez : par le lien que vous recevez ensuite, en le demandant à ${site} ou, si vous laissez ici votre adresse électronique, par un message envoyé de cette adresse à ${network}. Chaque copie est alors effacée, ici et sur tous les sites partenaires, et chacun d’eux en signe un reçu. Ce qui a été fait jusque-là reste licite.`,
    `Votre accord vaut 12 mois au plus. Ensuite chaque copie est effacée, à moins que vous n’acceptiez de nouveau.`,
    `Si vous laissez votre adresse électronique, elle est chiffrée de sorte que seul ${site} puisse la lire, et ne sert qu’à exécuter un retrait qui en provient.`,
    `Vous pouvez demander à ${site} une copie de vos données, leur rectification et la limitation de leur usage, et vous pouvez adresser une réclamation à une autorité de protection des données.`,
    `Version ${NOTICE_VERSION}`,
  ],
  es: ({ site, network }) => [
    `A qué da su consentimiento: su perfil en ${network}`,
    `${site} se lo pregunta y es responsable de sus datos. ${site} forma parte de ${network}, una red de sitios de citas independientes, y solo puede mostrar su perfil a los miembros de los otros sitios si usted lo acepta. No está obligado a hacerlo. Si dice que no, su cuenta en ${site} queda como está.`,
    `Qué se comparte: lo que marque en esta página, y nada más. Sin la primera casilla no se comparte nada. Su dirección de correo, su código postal, su contraseña y su ubicación exacta no se muestran nunca a nadie.`,
    `Quién lo recibe: los otros sitios de ${network}, cada uno como copia en una máquina propia. Lo muestran a personas adultas que encajan con lo que usted busca. Algunos de esos sitios pueden estar en otros países que el suyo. ${network} publica la lista de sus sitios, y ${site} le dice cuáles han recibido algo de usted.`,
    `Algunos datos son sensibles. Su género y a quién busca dicen algo de su orientación sexual. El origen racial y la religión se comparten solo si los marca, cada uno por separado. Con cada casilla acepta expresamente que eso se comparta.`,
    `Para qué sirve: para que otras personas le encuentren, para que se recomienden unas a otras y para que puedan escribirse. Para nada más.`,
    `Puede retirar su consentimiento en cualquier momento, con la misma facilidad con que lo da: con el enlace que recibe después, pidiéndoselo a ${site} o, si deja aquí su dirección de correo, con un mensaje enviado desde ella a ${network}. Entonces se borra cada copia, aquí y en todos los sitios asociados, y cada uno firma un recibo de ello. Lo hecho hasta entonces sigue siendo lícito.`,
    `Su consentimiento vale 12 meses como máximo. Después se borra cada copia, salvo que lo dé de nuevo.`,
    `Si deja su dirección de correo, se cifra de modo que solo ${site} pueda leerla, y sirve únicamente para cumplir una retirada que llegue desde ella.`,
    `Puede pedir a ${site} una copia de sus datos, su rectificación y la limitación de su uso, y puede reclamar ante una autoridad de protección de datos.`,
    `Versión ${NOTICE_VERSION}`,
  ],
  it: ({ site, network }) => [
    `A che cosa acconsente: il suo profilo in ${network}`,
    `${site} glielo chiede ed è responsabile dei suoi dati. ${site} fa parte di ${network}, una rete di siti di incontri indipendenti, e può mostrare il suo profilo agli iscritti degli altri siti solo se lei acconsente. Non è tenuto a farlo. Se dice di no, il suo account su ${site} resta com’è.`,
    `Che cosa si condivide: ciò che lei spunta in questa pagina, e nient’altro. Senza la prima casella non si condivide nulla. Il suo indirizzo e-mail, il codice postale, la password e la posizione esatta non vengono mai mostrati a nessuno.`,
    `Chi lo riceve: gli altri siti di ${network}, ciascuno come copia su una propria macchina. Lo mostrano a persone adulte che corrispondono a chi lei cerca. Alcuni di questi siti possono trovarsi in paesi diversi dal suo. ${network} pubblica l’elenco dei suoi siti, e ${site} le dice quali hanno ricevuto qualcosa di lei.`,
    `Alcuni dati sono sensibili. Il suo genere e chi lei cerca dicono qualcosa del suo orientamento sessuale. L’origine etnica e la religione si condividono solo se le spunta, ciascuna da sola. Con ogni spunta lei acconsente espressamente a questa condivisione.`,
    `A che cosa serve: perché altri la trovino, perché siate consigliati gli uni agli altri e perché possiate scrivervi. A nient’altro.`,
    `Può revocare il consenso in ogni momento, con la stessa facilità con cui lo dà: con il link che riceve dopo, chiedendolo a ${site} oppure, se lascia qui il suo indirizzo e-mail, con un messaggio inviato da esso a ${network}. Allora ogni copia viene cancellata, qui e su tutti i siti partner, e ciascuno ne firma una ricevuta. Ciò che è stato fatto fino ad allora resta lecito.`,
    `Il suo consenso vale al massimo 12 mesi. Poi ogni copia viene cancellata, a meno che lei acconsenta di nuovo.`,
    `Se lascia il suo indirizzo e-mail, esso viene cifrato in modo che solo ${site} possa leggerlo, e serve soltanto a eseguire una revoca che ne provenga.`,
    `Può chiedere a ${site} una copia dei suoi dati, la loro rettifica e la limitazione del loro uso, e può presentare reclamo a un’autorità per la protezione dei dati.`,
    `Versione ${NOTICE_VERSION}`,
  ],
  ru: ({ site, network }) => [
    `На что вы соглашаетесь: ваша анкета в ${network}`,
    `${site} спрашивает вас и отвечает за ваши данные. ${site} входит в ${network}, сеть независимых сайтов знакомств, и может показывать вашу анкету участникам других сайтов, только если вы согласны. Вы не обязаны соглашаться. Если вы откажетесь, ваша учётная запись на ${site} останется такой, как есть.`,
    `Что передаётся: то, что вы отметите на этой странице, и ничего больше. Без первой отметки не передаётся ничего. Адрес электронной почты, почтовый индекс, пароль и точное местонахождение никогда никому не показываются.`,
    `Кто это получает: другие сайты ${network}, каждый в виде копии на своей машине. Они показывают её совершеннолетним, которые подходят под то, кого вы ищете. Некоторые из этих сайтов могут находиться в других странах. ${network} публикует список своих сайтов, а ${site} сообщит вам, какие из них что-либо о вас получили.`,
    `Часть этих данных особенно чувствительна. Ваш пол и то, кого вы ищете, говорят о вашей сексуальной ориентации. Расовая принадлежность и религия передаются, только если вы их отметите, каждая отдельно. Каждой отметкой вы прямо соглашаетесь на такую передачу.`,
    `Для чего это нужно: чтобы другие могли вас найти, чтобы вас рекомендовали друг другу и чтобы вы могли переписываться. Больше ни для чего.`,
    `Вы можете отозвать согласие в любое время так же легко, как даёте его: по ссылке, которую получите после согласия, обратившись к ${site} или, если вы оставите здесь адрес электронной почты, письмом с него в ${network}. Тогда каждая копия будет удалена здесь и на всех сайтах-партнёрах, и каждый из них подпишет подтверждение. То, что было сделано до этого, остаётся законным.`,
    `Согласие действует не более 12 месяцев. Затем каждая копия удаляется, если вы не согласитесь снова.`,
    `Если вы оставите адрес электронной почты, он будет зашифрован так, что прочесть его сможет только ${site}, и послужит лишь тому, чтобы исполнить отзыв, который с него придёт.`,
    `Вы можете потребовать у ${site} копию своих данных, их исправления и ограничения их использования, а также подать жалобу в орган по защите данных.`,
    `Редакция ${NOTICE_VERSION}`,
  ],
}

/** Heading and paragraphs, as the page shows them. */
export function noticeParts(parties: NoticeParties, language: NoticeLanguage): readonly string[] {
  return TEXTS[language](parties)
}

/** The text that is hashed: the parts with a blank line between, and a line feed at the end. */
export function noticeText(parties: NoticeParties, language: NoticeLanguage): string {
  return `${noticeParts(parties, language).join('\n\n')}\n`
}

/** SHA-256 of {@link noticeText}, hexadecimal. */
export function noticeHash(
  parties: NoticeParties,
  language: NoticeLanguage,
  { sha256 }: Pick<Crypto, 'sha256'>,
): string {
  return toHex(sha256(toUtf8(noticeText(parties, language))))
}

/**
 * The notice of a consent that is given on the page.
 *
 * @param publicUrl where the pages are reached from outside, without a slash at its end
 */
export function noticeOf(
  parties: NoticeParties & { publicUrl: string },
  language: NoticeLanguage,
  crypto: Pick<Crypto, 'sha256'>,
): Notice {
  return {
    url: `${parties.publicUrl}/bridge/notice/${language}`,
    version: NOTICE_VERSION,
    language,
    hash: noticeHash(parties, language, crypto),
  }
}
