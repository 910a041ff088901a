"""Domains under which anybody gets an address: they say nothing of where a person works."""

FREE_MAIL = frozenset(
    """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com passport.com yahoo.com ymail.com rocketmail.com aol.com
    icloud.com me.com mac.com proton.me protonmail.com pm.me tutanota.com tuta.io tuta.com fastmail.com fastmail.fm hey.com
    zoho.com zohomail.com mail.com email.com inbox.com hushmail.com mailbox.org posteo.de posteo.net runbox.com disroot.org
    gmx.com gmx.net gmx.de gmx.at gmx.ch web.de freenet.de t-online.de arcor.de mail.de online.de
    outlook.de outlook.fr hotmail.co.uk hotmail.de hotmail.fr hotmail.it hotmail.es live.co.uk live.de live.fr live.it live.nl
    yahoo.co.uk yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.ca yahoo.co.in yahoo.co.jp yahoo.com.au yahoo.com.br yahoo.in
    orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it tiscali.it alice.it tin.it
    btinternet.com sky.com virginmedia.com talktalk.net ntlworld.com blueyonder.co.uk
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com
    shaw.ca rogers.com sympatico.ca videotron.ca bigpond.com optusnet.com.au xtra.co.nz
    mail.ru bk.ru inbox.ru list.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net
    qq.com 163.com 126.com yeah.net sina.com sina.cn sohu.com foxmail.com aliyun.com
    naver.com hanmail.net daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp
    rediffmail.com uol.com.br bol.com.br terra.com.br ig.com.br globo.com
    wp.pl o2.pl onet.pl interia.pl op.pl gazeta.pl seznam.cz centrum.cz email.cz azet.sk freemail.hu citromail.hu
    telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl planet.nl hetnet.nl bluewin.ch hispeed.ch sunrise.ch
    """.split()
)
