/** The words that mail programs write before the headers of what they forward, by language. */

/** From: what names the sender. In lower case. */
const FROM =
  'from,sender,von,absender,van,afzender,från,avsändare,fra,avsender,afsender,frá,' +
  'sendandi,de,expéditeur,remitente,da,mittente,remetente,de la,expeditor,od,nadawca,' +
  'odesílatel,odosielateľ,pošiljatelj,šalje,от,отправитель,від,відправник,подател,од,' +
  'пошиљалац,nuo,siuntėjas,no,sūtītājs,saatja,kellelt,lähettäjä,feladó,από,αποστολέας,' +
  'kimden,gönderen,מאת,من,发件人,寄件者,寄件人,差出人,送信者,보낸 사람,보낸사람,dari,từ'

/** Headers that stand beside it: date, subject, recipients. */
const BESIDE =
  'to,date,sent,subject,cc,reply-to,received,an,datum,gesendet,betreff,kopie,antwort an,' +
  'aan,verzonden,onderwerp,till,skickat,ämne,kopia,til,sendt,emne,dato,kopi,à,a,envoyé,' +
  'objet,pour,destinataire,para,enviado,asunto,fecha,assunto,data,enviada,enviado em,' +
  'oggetto,inviato,către,trimis,subiect,dată,do,wysłano,temat,komu,odesláno,předmět,' +
  'odoslané,predmet,dátum,poslano,za,кому,дата,отправлено,тема,надіслано,до,коме,kam,' +
  'tēma,nosūtīts,išsiųsta,tema,kellele,saadetud,teema,kuupäev,vastaanottaja,lähetetty,' +
  'aihe,päivämäärä,címzett,elküldve,tárgy,προς,ημερομηνία,θέμα,στάλθηκε,kime,tarih,konu,' +
  'gönderildi,אל,תאריך,נושא,נשלח,إلى,التاريخ,الموضوع,收件人,收件者,日期,发送时间,主题,主旨,宛先,日付,件名,' +
  '送信日時,받는 사람,받는사람,날짜,제목,보낸 날짜,kepada,tanggal,subjek,đến,ngày,chủ đề'

const words = (text: string): string[] => text.split(',')

export const LABELS: { from: ReadonlySet<string>; header: ReadonlySet<string> } = {
  from: new Set(words(FROM)),
  header: new Set([...words(BESIDE), ...words(FROM)]),
}
