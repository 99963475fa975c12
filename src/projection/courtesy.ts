/**
 * Words with which people speak to each other, whatever they speak about: greetings, thanks, requests, hedges. In a namespace of notes they
 * are rare, so by rarity alone they would seem to say what a long question is about. They count less there, and never nothing.
 */
const SPOKEN: Readonly<Record<string, string>> = {
  english: `hello hi hey dear greetings morning afternoon evening welcome please kindly thank thanks thankful grateful gratitude appreciate appreciated appreciation sorry apologies apologise apologize pardon excuse
    regards sincerely cheers hope hoping hopefully wish wondering wonder wondered curious perhaps maybe possibly probably actually basically honestly really truly quite rather very lovely wonderful great nice kind kindness
    glad happy delighted favour favor bother bothering disturb trouble patience patient hesitate moment minute while whenever somehow anyway anyhow obviously certainly surely definitely absolutely indeed simply
    help helpful helping assist assistance advance know knows let tell told ask asking question answer explain understand understood remember think thinking thought thoughts feel feeling believe guess suppose seem seems want wanted
    would could should might may shall like love look looking try tried trying talk talked say said mean means expected somebody someone anybody anyone something anything everything nothing somewhere thing things
    friend friends time times people everyone everybody
    lot bit couple little much many good well better best sure fine able way ways situation yesterday today tomorrow lately recently previously already always never often sometimes ago soon later week
    assistant careful carefully step`,
  german: `hallo guten morgen abend liebe lieber bitte danke dank dankbar vielen herzlich entschuldigung verzeihung grüße gruß freundlichen vielleicht eigentlich wirklich gern gerne könnten könntest würde würden möchte helfen hilfe
    frage fragen sagen wissen moment voraus`,
  french: `bonjour bonsoir salut cher chère merci remercie remercier veuillez svp excusez pardon désolé cordialement peut-être vraiment pourriez pourrais voudrais souhaite aider aide question savoir avance`,
  spanish: `hola buenos buenas días tardes estimado querido gracias favor perdón disculpe saludos quizás tal vez realmente podría podrías quisiera querría ayudar ayuda pregunta saber antemano`,
  portuguese: `olá bom boa dia tarde obrigado obrigada favor desculpe saudações talvez realmente poderia gostaria ajudar ajuda pergunta saber`,
  italian: `ciao buongiorno buonasera caro gentile grazie favore scusi scusa saluti forse davvero potrebbe potresti vorrei aiutare aiuto domanda sapere anticipo`,
  dutch: `hallo goedemorgen beste geachte alstublieft alsjeblieft bedankt dank sorry groeten misschien eigenlijk graag zou kunnen willen helpen hulp vraag weten`,
}

const WORDS: ReadonlySet<string> = new Set(Object.values(SPOKEN).flatMap((words) => words.split(/\s+/)))

/** @param word as search cuts it: in lower case. */
export const isCourtesy = (word: string): boolean => WORDS.has(word)
