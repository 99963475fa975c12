/**
 * Twelve languages as people write notes in them: each memory with the question that somebody asks for it, in another form of its words, by a
 * part of a compound, or by the compound. Test data.
 */
export const BY_LANGUAGE: Readonly<Record<string, readonly (readonly [question: string, memory: string])[]>> = {
  German: [
    ['Sicherung', 'Die Sicherungen der Datenbank laufen jede Nacht um drei Uhr.'], ['Einstellung', 'Alle Einstellungen des Servers stehen in einer einzigen Datei.'], ['Schlüssel', 'Der Hausmeister hat die Zweitschlüssel im Keller aufgehängt.'],
    ['Rechnungen', 'Frau Weber prüft jede Rechnung, bevor sie bezahlt wird.'], ['Passwort', 'Die Passwortrichtlinie verlangt zwölf Zeichen.'], ['Urlaubsantrag', 'Einen Antrag auf Urlaub stellt man beim Teamleiter.'],
    ['Zahlungen', 'Wir haben die Zahlung an den Lieferanten gestern angewiesen.'], ['Drucker', 'Im zweiten Stock steht ein neuer Farbdrucker.'], ['Verträge', 'Der Vertrag mit dem Vermieter endet im Mai.'], ['Fenster öffnen', 'Nach dem Mittagessen öffnet jemand das Fenster im Besprechungsraum.'],
  ],
  French: [
    ['sauvegarde', 'Les sauvegardes sont conservées pendant trente jours.'], ['paramètre', 'Nous avons changé les paramètres du serveur hier soir.'], ['réunions', 'La réunion du lundi commence à neuf heures.'], ['factures', 'Chaque facture doit être signée par le directeur.'],
    ['donnees', 'La base de données se trouve à Lyon.'], ['clé', 'Les clés de la voiture sont dans le tiroir.'], ['embauche', 'Deux développeurs ont été embauchés en avril.'], ['livrer', 'Le fournisseur livre les pièces chaque mercredi.'], ['utilisateurs', "L'utilisateur doit confirmer son adresse."], ['régional', 'Les bureaux régionaux ferment en août.'],
  ],
  Spanish: [
    ['copia', 'Las copias de seguridad se hacen cada noche.'], ['contraseñas', 'La contraseña del wifi cambia todos los meses.'], ['reunión', 'Las reuniones del equipo son los martes.'], ['configurar', 'Ayer configuramos el servidor nuevo en Madrid.'], ['facturas', 'La factura del proveedor llegó con retraso.'],
    ['despliegues', 'El despliegue falló porque faltaba un archivo.'], ['llave', 'Las llaves del almacén están en recepción.'], ['vacaciones de Ana', 'Ana pidió unas vacaciones para septiembre.'], ['usuario', 'Los usuarios reciben un correo de bienvenida.'], ['decisiones', 'La decisión de usar contenedores fue unánime.'],
  ],
  Italian: [
    ['riunione', 'Le riunioni si tengono nella sala grande.'], ['impostazione', 'Le impostazioni del programma si trovano nel menu.'], ['fattura', 'Tutte le fatture vanno archiviate entro venerdì.'], ['chiavi', 'La chiave della cantina è dal portiere.'], ['utente', 'Gli utenti possono cambiare il proprio nome.'],
    ['errori', "L'errore compare solo con il vecchio telefono."], ['consegna', 'Le consegne arrivano prima di mezzogiorno.'], ['pagare', 'Abbiamo pagato il fornitore in contanti.'], ['progetto', 'I progetti nuovi partono in autunno.'], ['traduzioni', 'La traduzione del manuale è quasi finita.'],
  ],
  Portuguese: [
    ['cópia', 'As cópias de segurança ficam guardadas em Lisboa.'], ['reunião', 'As reuniões acontecem às quintas-feiras.'], ['configurações', 'A configuração do servidor foi alterada ontem.'], ['fatura', 'As faturas chegam no início do mês.'], ['chave', 'As chaves do escritório estão na gaveta.'],
    ['usuários', 'O usuário precisa confirmar o endereço.'], ['entregar', 'O fornecedor entregou as peças com atraso.'], ['erro', 'Os erros aparecem apenas no telefone antigo.'], ['contratos', 'O contrato com a empresa termina em maio.'], ['decisão', 'As decisões do conselho foram publicadas.'],
  ],
  Dutch: [
    ['vergadering', 'De vergaderingen beginnen altijd om tien uur.'], ['instelling', 'Alle instellingen van de server staan in een bestand.'], ['sleutel', 'De huissleutels liggen bij de buren.'], ['factuur', 'De facturen worden elke vrijdag betaald.'], ['wachtwoorden', 'Het wachtwoord van het netwerk is gewijzigd.'],
    ['gebruiker', 'Nieuwe gebruikers krijgen een welkomstbericht.'], ['rekeningen', 'De rekening van de loodgieter is nog niet binnen.'], ['contract', 'Het huurcontract loopt in mei af.'], ['bestelling', 'De bestellingen komen woensdag aan.'], ['wijziging', 'Wijzigingen in het rooster worden gemaild.'],
  ],
  Swedish: [
    ['säkerhetskopia', 'Säkerhetskopiorna sparas i trettio dagar.'], ['inställning', 'Inställningarna för servern finns i en fil.'], ['nyckel', 'Nycklarna till förrådet ligger i lådan.'], ['möte', 'Mötena hålls på tisdagar i stora salen.'], ['faktura', 'Fakturorna skickas ut i början av månaden.'],
    ['lösenord', 'Lösenordet till nätverket byttes i går.'], ['användare', 'Användarna måste bekräfta sin adress.'], ['databas', 'Kunddatabasen flyttades till Göteborg.'], ['leverans', 'Leveranserna kommer före lunch.'], ['beslut', 'Besluten från styrelsen publicerades igår.'],
  ],
  Finnish: [
    ['asetus', 'Palvelimen asetukset ovat yhdessä tiedostossa.'], ['varmuuskopio', 'Varmuuskopiot säilytetään kolmekymmentä päivää.'], ['tietokanta', 'Tietokannassa on tuhansia rivejä.'], ['kokous', 'Kokoukset pidetään tiistaisin suuressa salissa.'], ['avain', 'Varaston avaimet ovat laatikossa.'],
    ['lasku', 'Laskut maksetaan joka perjantai.'], ['salasana', 'Verkon salasanat vaihdettiin eilen.'], ['käyttäjä', 'Käyttäjien täytyy vahvistaa osoitteensa.'], ['toimitus', 'Toimitukset saapuvat ennen lounasta.'], ['sopimus', 'Vuokrasopimus päättyy toukokuussa.'],
  ],
  Russian: [
    ['резервная копия', 'Резервные копии хранятся тридцать дней.'], ['настройка', 'Все настройки сервера лежат в одном файле.'], ['ключ', 'Ключи от склада лежат в ящике.'], ['совещание', 'Совещания проходят по вторникам.'], ['счёт', 'Счета оплачиваются каждую пятницу.'],
    ['пользователь', 'Пользователи получают приветственное письмо.'], ['база данных', 'В базе данных тысячи строк.'], ['ошибки', 'Ошибка появляется только на старом телефоне.'], ['договор', 'Договоры с поставщиками заканчиваются в мае.'], ['доставить', 'Поставщик доставил детали с опозданием.'],
  ],
  Polish: [
    ['kopia zapasowa', 'Kopie zapasowe są przechowywane przez trzydzieści dni.'], ['ustawienie', 'Wszystkie ustawienia serwera są w jednym pliku.'], ['spotkanie', 'Spotkania zespołu odbywają się we wtorki.'], ['faktura', 'Faktury trzeba opłacić do piątku.'], ['użytkownik', 'Nowi użytkownicy dostają wiadomość powitalną.'],
    ['hasło', 'Hasło do sieci zmieniono wczoraj wieczorem.'], ['dostawa', 'Dostawy przychodzą przed południem.'], ['umowa najmu', 'Umowę najmu podpisano w maju.'], ['decyzja', 'Decyzje zarządu zostały opublikowane.'], ['błędy aplikacji', 'W aplikacji pojawiają się błędy przy logowaniu.'],
  ],
  Turkish: [
    ['yedek', 'Yedekler otuz gün boyunca saklanır.'], ['ayar', 'Sunucunun ayarları tek bir dosyada durur.'], ['anahtar', 'Deponun anahtarları çekmecede duruyor.'], ['toplantı', 'Toplantılar salı günleri yapılır.'], ['fatura', 'Faturalar her cuma ödenir.'],
    ['kullanıcı', 'Kullanıcılar adreslerini doğrulamak zorunda.'], ['veritabanı', 'Veritabanında binlerce satır var.'], ['hata', 'Hatalar yalnızca eski telefonda görünüyor.'], ['sözleşme', 'Kira sözleşmesi mayıs ayında bitiyor.'], ['teslimat', 'Teslimatlar öğleden önce gelir.'],
  ],
  Korean: [
    ['데이터베이스', '데이터베이스를 매일 밤 백업한다.'], ['설정', '서버의 설정은 한 파일에 있다.'], ['회의', '회의는 화요일마다 열린다.'], ['비밀번호', '네트워크의 비밀번호가 어제 바뀌었다.'], ['열쇠', '창고의 열쇠는 서랍에 있다.'],
    ['청구서', '청구서를 금요일마다 지불한다.'], ['사용자', '사용자에게 환영 편지를 보낸다.'], ['오류', '오류가 오래된 전화에서만 나타난다.'], ['계약', '임대 계약이 오월에 끝난다.'], ['배송', '배송은 점심 전에 도착한다.'],
  ],
}
